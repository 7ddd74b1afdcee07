/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A test on a simulated machine of its own.
 */
#ifndef MEDESD_SIMTEST_H
#define MEDESD_SIMTEST_H

#include "simhost.h"

#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, sim_setup, sim_teardown)

static struct sim *sim;

static int sim_setup(void **state)
{
	(void)state;
	sim = sim_new(42);
	return !sim;
}

static int sim_teardown(void **state)
{
	(void)state;
	sim_free(sim);
	return 0;
}

static inline struct box *first(struct function *f)
{
	return TAILQ_FIRST(&f->boxes);
}

static inline void is(const struct sim_call *c, enum start_kind start)
{
	assert_true(c->answered);
	assert_int_equal(c->status, 0);
	assert_int_equal(c->start, start);
}

#endif /* MEDESD_SIMTEST_H */
