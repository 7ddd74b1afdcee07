/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Function specs on disk, so that a restarted daemon knows its functions.
 */
#ifndef MEDESD_SPECS_H
#define MEDESD_SPECS_H

#include "control.h"

/* Both: 0 or a negative errno. */
int specs_save(const char *state, const char *domain, const struct spec *spec);
int specs_remove(const char *state, const char *domain, const char *name);

void specs_load(const char *state, struct control *control);

#endif /* MEDESD_SPECS_H */
