// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What most tests begin and end with.
 */
#include "harness.h"
#include "setting.h"

#define SEED 300	/* of areas that no test names a seed for */

void setting_bare(struct setting *t, size_t pages, const char *mix, uint32_t seed)
{
	victim_new(&t->v);
	victim_area(&t->v, &t->a, pages, mix, seed);
	sandbox_new(&t->s, &t->v);
}

void setting_new(struct setting *t, size_t pages, const char *mix)
{
	base_new(&t->b);
	setting_bare(t, pages, mix, SEED);
}

void setting_stored(struct setting *t, size_t pages, const char *mix)
{
	setting_new(t, pages, mix);
	REQUIRE_EQ(dedup(&t->s, &t->a, &t->b), pages);
}

void setting_end(struct setting *t)
{
	victim_end(&t->v);
	CHECK_SOON_EQ(live(), 0);
	base_del(&t->b);
}

void setting_check_end(struct setting *t)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	setting_end(t);
}
