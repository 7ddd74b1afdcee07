/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the protocol's numbers, units, and text that is safe to print.
 */
#ifndef MEDES_TEXT_H
#define MEDES_TEXT_H

#include "medes.h"

/* "?" for a number that this version does not know */
const char *medes_encoding_name(uint32_t encoding);
const char *medes_mode_name(uint32_t mode);
const char *medes_sandbox_state_name(uint32_t state);
const char *medes_op_kind_name(uint32_t kind);
const char *medes_op_state_name(uint32_t state);
const char *medes_loss_reason_name(uint32_t reason);
const char *medes_place_name(uint32_t place);

/* A counter's name as in the protocol, with "_" for "-"; NULL: no such counter. */
const char *medes_stat_name(unsigned int attr);

#define MEDES_TEXT_SIZE 32

char *medes_text_bytes(char text[MEDES_TEXT_SIZE], uint64_t bytes);
char *medes_text_duration(char text[MEDES_TEXT_SIZE], uint64_t ns);
char *medes_text_id(char text[MEDES_TEXT_SIZE], uint64_t id);

char *medes_text_clean(char *text);
bool medes_name_valid(const char *name);

#endif /* MEDES_TEXT_H */
