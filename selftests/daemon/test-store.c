// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carrying out a plan against a kernel that is played here: it takes operations
 * until its queue is full, ends them in its own time, and forgets to tell.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <cmocka.h>
#include "ops.h"
#include "pages.h"
#include "store.h"

#define PAGES 10000
#define MMS 3
#define QUEUE 3

static struct {
	struct event_base *events;
	struct event *worker;
	struct store *store;
	struct plan plan;
	/* how it behaves */
	bool restore;			/* what is asked for */
	bool silent;			/* tells of nothing */
	bool forgets;			/* knows no ended operation */
	int refuse;			/* what dedup answers, when not 0 */
	uint32_t fails_at;		/* operation that fails */
	int fails_with;
	uint32_t gone_mm;		/* has no such address space; 0: all there */
	/* what it knows */
	struct medes_op ops[64];
	unsigned int n_ops;		/* ever made */
	unsigned int ended;
	unsigned int most_queued;
	unsigned int refusals;
	unsigned int cancels;
	unsigned int sets;		/* restores of a working set */
	uint8_t stored[MMS][PAGES];
	/* what the store said */
	unsigned int dones;
	int err;
	char error[256];
} k;

int medes_dedup_mode(struct medes_nl *nl, uint32_t mode, uint32_t sandbox, uint32_t mm,
		     const struct medes_target *targets, size_t n, uint32_t *op)
{
	struct medes_op *new = &k.ops[k.n_ops];
	size_t i;

	assert_int_equal(sandbox, 7);
	assert_int_equal(mode, MEDES_MODE_DENSE);
	assert_in_range(n, 1, MEDES_TARGETS_MAX);
	if (k.refuse)
		return medes_nl_fail(nl, k.refuse, "refused");
	if (k.gone_mm && mm == k.gone_mm)
		return medes_nl_fail(nl, -ESRCH, "no such address space");
	if (k.n_ops - k.ended >= QUEUE) {
		k.refusals++;
		return medes_nl_fail(nl, -ENOBUFS, "full");
	}
	for (i = 0; i < n; i++)
		k.stored[mm][targets[i].address >> 12]++;
	*new = (struct medes_op){ .id = ++k.n_ops, .total = n };
	assert_true(k.n_ops < ARRAY_SIZE(k.ops));
	if (k.n_ops - k.ended > k.most_queued)
		k.most_queued = k.n_ops - k.ended;
	*op = new->id;
	return 0;
}

int medes_demarcate(struct medes_nl *nl, uint32_t sandbox, uint32_t mm, uint64_t base,
		    const struct medes_target *targets, size_t n, uint32_t *op)
{
	assert_true(base == UINT64_MAX);
	return medes_dedup_mode(nl, MEDES_MODE_DENSE, sandbox, mm, targets, n, op);
}

int medes_restore(struct medes_nl *nl, uint32_t sandbox, uint32_t *op)
{
	const struct medes_target page = { .address = 0 };

	return medes_dedup_mode(nl, MEDES_MODE_DENSE, sandbox, 0, &page, 1, op);
}

int medes_restore_set(struct medes_nl *nl, uint32_t sandbox, uint32_t *op)
{
	k.sets++;
	return medes_restore(nl, sandbox, op);
}

int medes_op_get(struct medes_nl *nl, uint32_t id, struct medes_op *out)
{
	assert_in_range(id, 1, k.n_ops);
	*out = k.ops[id - 1];
	if (k.forgets && medes_op_ended(out))
		return medes_nl_fail(nl, -ENOENT, "no such operation");
	return 0;
}

int medes_op_cancel(struct medes_nl *nl, uint32_t id)
{
	(void)nl;
	assert_in_range(id, 1, k.n_ops);
	k.cancels++;
	if (!medes_op_ended(&k.ops[id - 1]))
		k.ops[id - 1].state = MEDES_OP_STATE_CANCELLED;
	return 0;
}

/* One operation's work, half of it at a time. */
static void on_worker(evutil_socket_t fd, short what, void *arg)
{
	struct medes_op *op = &k.ops[k.ended];

	(void)fd, (void)what, (void)arg;
	if (k.ended == k.n_ops)
		return;
	if (op->state == MEDES_OP_STATE_QUEUED) {
		op->state = MEDES_OP_STATE_RUNNING;
		op->done = op->total / 2;
		op->stored = op->done;
	} else {
		k.ended++;
		if (op->state != MEDES_OP_STATE_CANCELLED) {
			op->done = op->total;
			op->stored = op->total - 1;	/* one was left alone */
			op->state = MEDES_OP_STATE_DONE;
		}
		if (op->id == k.fails_at) {
			op->state = MEDES_OP_STATE_FAILED;
			op->error = k.fails_with;
		}
	}
	if (!k.silent && k.store)
		store_event(k.store, op);
}

static void on_done(int err, const char *error, void *arg)
{
	assert_ptr_equal(arg, &k);
	k.dones++;
	k.err = err;
	snprintf(k.error, sizeof(k.error), "%s", error);
	event_base_loopbreak(k.events);
}

static void make_plan(struct plan *plan)
{
	uint64_t seed = 1;
	size_t i;

	for (i = 0; i < PAGES * MMS; i++) {
		struct medes_page page = {
			.mm = i % MMS, .address = (uint64_t)(i / MMS) << 12,
			.hash = next_random(&seed), .sketch = { 1 },
		};

		assert_int_equal(plan_add(plan, &page, NULL, 3, false), 0);
	}
	plan_sort(plan);
}

static void run(unsigned int in_flight, void (*meddle)(void))
{
	const struct timeval often = { .tv_usec = 200 }, limit = { .tv_sec = 60 };
	const struct store_order order = {
		.plan = k.restore ? NULL : &k.plan, .action = PLAN_STORE, .sandbox = 7,
		.in_flight = in_flight, .working_set = k.restore,
		.mode = MEDES_MODE_DENSE,
	};
	static struct medes_nl nl;

	make_plan(&k.plan);
	k.events = event_base_new();
	k.worker = event_new(k.events, -1, EV_PERSIST, on_worker, NULL);
	event_add(k.worker, &often);
	event_base_loopexit(k.events, &limit);
	k.store = store_start(k.events, &nl, &order, on_done, &k);
	assert_non_null(k.store);
	if (meddle)
		meddle();
	event_base_dispatch(k.events);
	assert_int_equal(k.dones, 1);
}

static void finish(void)
{
	store_free(k.store);
	event_free(k.worker);
	event_base_free(k.events);
	plan_clear(&k.plan);
}

static int begin(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	return 0;
}

static void all_stored_once(void)
{
	size_t mm, i;

	for (mm = 0; mm < MMS; mm++)
		for (i = 0; i < PAGES; i++)
			assert_int_equal(k.stored[mm][i], k.gone_mm != mm || !k.gone_mm);
}

static void everything_goes_once(void **state)
{
	(void)state;
	run(2, NULL);
	assert_int_equal(k.err, 0);
	all_stored_once();
	assert_int_equal(k.n_ops, 60);
	assert_int_equal(k.most_queued, 2);
	assert_int_equal(k.refusals, 0);
	assert_int_equal(store_done(k.store), PAGES * MMS);
	assert_int_equal(store_stored(k.store), PAGES * MMS - 60);
	finish();
}

static void waits_when_the_queue_is_full(void **state)
{
	(void)state;
	run(16, NULL);
	assert_int_equal(k.err, 0);
	all_stored_once();
	assert_int_equal(k.most_queued, QUEUE);
	assert_true(k.refusals > 0);
	finish();
}

/* All events are lost: it must ask. */
static void works_without_events(void **state)
{
	(void)state;
	k.silent = true;
	run(16, NULL);
	assert_int_equal(k.err, 0);
	all_stored_once();
	assert_int_equal(store_stored(k.store), PAGES * MMS - 60);
	finish();
}

/* Nor does the kernel know an operation that has ended. */
static void works_without_memory(void **state)
{
	(void)state;
	k.silent = true;
	k.forgets = true;
	run(16, NULL);
	assert_int_equal(k.err, 0);
	all_stored_once();
	finish();
}

static void an_address_space_goes(void **state)
{
	(void)state;
	k.gone_mm = 1;
	run(2, NULL);
	assert_int_equal(k.err, 0);
	all_stored_once();
	finish();
}

static void an_operation_whose_process_went_is_no_failure(void **state)
{
	(void)state;
	k.fails_at = 5;
	k.fails_with = -ESRCH;
	run(2, NULL);
	assert_int_equal(k.err, 0);
	all_stored_once();
	finish();
}

static void a_failure_ends_it(void **state)
{
	(void)state;
	k.fails_at = 5;
	k.fails_with = -ENOSPC;
	run(2, NULL);
	assert_int_equal(k.err, -ENOSPC);
	assert_non_null(strstr(k.error, "ceiling"));
	/* what was in flight has ended, no more was sent */
	assert_int_equal(k.ended, k.n_ops);
	assert_in_range(k.n_ops, 5, 7);
	finish();
}

static void a_refusal_ends_it(void **state)
{
	(void)state;
	k.refuse = -EXDEV;
	run(2, NULL);
	assert_int_equal(k.err, -EXDEV);
	assert_string_equal(k.error, "refused");
	finish();
}

static void on_cancel_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	store_cancel(k.store);
}

static void cancel_soon(void)
{
	const struct timeval soon = { .tv_usec = 5000 };

	event_base_once(k.events, -1, EV_TIMEOUT, on_cancel_timer, NULL, &soon);
}

static void a_restore_is_one_operation(void **state)
{
	(void)state;
	k.restore = true;
	run(4, NULL);
	assert_int_equal(k.err, 0);
	assert_int_equal(k.n_ops, 1);
	assert_int_equal(k.sets, 1);
	finish();
}

static void a_restore_of_nothing_fails(void **state)
{
	(void)state;
	k.restore = true;
	k.refuse = -ESRCH;
	run(4, NULL);
	assert_int_equal(k.err, -ESRCH);
	assert_int_equal(k.n_ops, 0);
	finish();
}

static void cancelled(void **state)
{
	(void)state;
	run(2, cancel_soon);
	assert_int_equal(k.err, -ECANCELED);
	assert_in_range(k.cancels, 1, 2);
	assert_int_equal(k.ended, k.n_ops);
	assert_true(k.n_ops < 60);
	finish();
}

static void cancelled_in_silence(void **state)
{
	(void)state;
	k.silent = true;
	run(2, cancel_soon);
	assert_int_equal(k.err, -ECANCELED);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(everything_goes_once, begin),
		cmocka_unit_test_setup(waits_when_the_queue_is_full, begin),
		cmocka_unit_test_setup(works_without_events, begin),
		cmocka_unit_test_setup(works_without_memory, begin),
		cmocka_unit_test_setup(an_address_space_goes, begin),
		cmocka_unit_test_setup(an_operation_whose_process_went_is_no_failure, begin),
		cmocka_unit_test_setup(a_failure_ends_it, begin),
		cmocka_unit_test_setup(a_refusal_ends_it, begin),
		cmocka_unit_test_setup(a_restore_is_one_operation, begin),
		cmocka_unit_test_setup(a_restore_of_nothing_fails, begin),
		cmocka_unit_test_setup(cancelled, begin),
		cmocka_unit_test_setup(cancelled_in_silence, begin),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
