/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which base page a page is stored against.
 */
#ifndef MEDESD_CHOOSE_H
#define MEDESD_CHOOSE_H

#include "registry.h"

/* How often each base was chosen, for one sandbox. Zeroed: none yet. */
struct usage {
	struct usage_count *counts;
};

const struct candidate *choose(struct usage *usage, const struct candidates *from);
void usage_clear(struct usage *usage);

#endif /* MEDESD_CHOOSE_H */
