/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which base page a page is stored against.
 */
#ifndef MEDESD_CHOOSE_H
#define MEDESD_CHOOSE_H

#include "registry.h"

/* What was chosen for one sandbox: how often each base, and what last. Zeroed: nothing yet. */
struct usage {
	struct usage_count *counts;
	struct candidate next;		/* the page behind the last choice, if base is not 0 */
};

bool usage_goes_on(const struct usage *usage, uint32_t pages, uint32_t end);
const struct candidate *choose(struct usage *usage, const struct candidates *from, bool behind);
void usage_clear(struct usage *usage);

#endif /* MEDESD_CHOOSE_H */
