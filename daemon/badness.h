/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much less than it seems a sandbox weighs for the OOM killer.
 */
#ifndef MEDESD_BADNESS_H
#define MEDESD_BADNESS_H

#include "daemon.h"

struct badness;

struct badness *badness_new(struct daemon *daemon);
void badness_soon(struct badness *b);	/* something has changed */
void badness_free(struct badness *b);

int badness_less(uint64_t away, uint64_t total);

#endif /* MEDESD_BADNESS_H */
