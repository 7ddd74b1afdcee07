/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What most tests begin and end with. A test that makes the victim's pages in a
 * way of its own fills the structure itself.
 */
#ifndef SELFTEST_SETTING_H
#define SELFTEST_SETTING_H

#include "world.h"

struct setting {
	struct victim v;
	struct area a;		/* in the victim */
	struct sandbox s;	/* of the victim */
	struct base b;
};

/* A victim, its pages and its sandbox; no base. */
void setting_bare(struct setting *t, size_t pages, const char *mix, uint32_t seed);
/* The same on the test base. */
void setting_new(struct setting *t, size_t pages, const char *mix);
/* The same, and every page of it is stored. */
void setting_stored(struct setting *t, size_t pages, const char *mix);

/* The victim ends; soon nothing is stored any more, and the base goes. */
void setting_end(struct setting *t);
/* The same, after each byte was compared. */
void setting_check_end(struct setting *t);

#endif /* SELFTEST_SETTING_H */
