/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON files that are whole or not there.
 */
#ifndef MEDESD_PERSIST_H
#define MEDESD_PERSIST_H

#include <jansson.h>

int persist_save(const char *directory, const char *name, const json_t *value);

#endif /* MEDESD_PERSIST_H */
