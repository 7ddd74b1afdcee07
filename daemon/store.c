// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Storing.
 *
 * Messages go out until as many operations are in flight as are wanted, or the
 * kernel says that its queue is full; each operation that ends makes room. That
 * is told by events, which may be lost: when none has come for a while, the
 * operations are asked for one by one. An operation that the kernel does not
 * know any more has ended.
 *
 * Pages that the kernel leaves alone are no failure. An operation that fails
 * because its address space has gone is not one either; any other failure ends
 * the whole, after what is in flight has ended.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "ops.h"
#include "store.h"

#define SILENCE_MS 500
#define QUEUE_FULL_MS 50

struct store {
	struct store_order order;
	struct medes_nl *nl;
	struct event *timer;
	store_fn finished;
	void *arg;
	size_t cursor;
	struct medes_op ops[STORE_IN_FLIGHT_MAX];
	unsigned int n_ops;
	bool heard;			/* of some operation since the last look */
	bool stop;			/* send no more */
	uint64_t done;			/* of operations that have ended, pages */
	uint64_t stored;
	int err;
	char error[MEDES_NL_ERROR];
};

static void wait_ms(struct store *s, unsigned int ms)
{
	const struct timeval tv = { .tv_usec = ms * 1000 };

	event_add(s->timer, &tv);
}

static void fail(struct store *s, int err, const char *error)
{
	s->stop = true;
	if (s->err)
		return;
	s->err = err;
	snprintf(s->error, sizeof(s->error), "%s", error);
}

static int send_batch(struct store *s, const struct plan_batch *batch, uint32_t *op)
{
	if (s->order.action == PLAN_DEMARCATE)
		return medes_demarcate(s->nl, s->order.sandbox, batch->mm, s->order.base,
				       batch->targets, batch->n, op);
	return medes_dedup_mode(s->nl, s->order.mode, s->order.sandbox, batch->mm, batch->targets,
				batch->n, op);
}

/* A restore is one operation. */
static int send_restore(struct store *s, uint32_t *op)
{
	int err = s->order.working_set ? medes_restore_set(s->nl, s->order.sandbox, op) :
					 medes_restore(s->nl, s->order.sandbox, op);

	s->stop = !err;
	return err;
}

/* The next part of the plan; false: there is none. */
static bool send_next(struct store *s, size_t *cursor, uint32_t *op, int *err)
{
	struct plan_batch batch;

	if (!s->order.plan)
		*err = send_restore(s, op);
	else if (plan_next(s->order.plan, cursor, s->order.action, &batch))
		*err = send_batch(s, &batch, op);
	else
		return false;
	return true;
}

/* Send what there is room for. */
static void fill(struct store *s)
{
	size_t cursor;
	uint32_t id;
	int err;

	while (!s->stop && s->n_ops < s->order.in_flight) {
		cursor = s->cursor;
		if (!send_next(s, &cursor, &id, &err)) {
			s->stop = true;
			break;
		}
		if (err == -EBUSY || err == -ENOBUFS) {
			wait_ms(s, QUEUE_FULL_MS);
			return;
		}
		if (err && (err != -ESRCH || !s->order.plan)) {
			fail(s, err, s->nl->error);
			break;
		}
		s->cursor = cursor;
		if (!err)
			s->ops[s->n_ops++] = (struct medes_op){ .id = id };
	}
	wait_ms(s, SILENCE_MS);
}

/* Called last in each entry from the loop: the store may be freed by it. */
static void settle(struct store *s)
{
	fill(s);
	if (s->n_ops || !s->stop)
		return;
	event_del(s->timer);
	s->finished(s->err, s->error, s->arg);
}

static void op_ended(struct store *s, unsigned int at, const struct medes_op *op)
{
	char error[128];

	s->done += op->done;
	s->stored += op->stored;
	s->ops[at] = s->ops[--s->n_ops];
	if (op->state == MEDES_OP_STATE_CANCELLED)
		fail(s, -ECANCELED, "cancelled");
	if (op->state != MEDES_OP_STATE_FAILED || op->error == -ESRCH)
		return;
	snprintf(error, sizeof(error), "the kernel's operation %u failed: %s%s", op->id,
		 strerror(-op->error),
		 op->error == -ENOSPC || op->error == -ENOMEM ?
		 " (a ceiling of the module, or memory, is exhausted: see medesctl diagnose)" : "");
	fail(s, op->error ? op->error : -EIO, error);
}

static bool take(struct store *s, const struct medes_op *op)
{
	unsigned int i;

	for (i = 0; i < s->n_ops; i++) {
		if (s->ops[i].id != op->id)
			continue;
		s->heard = true;
		if (medes_op_ended(op))
			op_ended(s, i, op);
		else
			s->ops[i] = *op;
		return true;
	}
	return false;
}

/* Ask for each operation: events may have been lost. */
static void poll_ops(struct store *s)
{
	struct medes_op op;
	unsigned int i;
	int err;

	for (i = s->n_ops; i-- > 0; ) {
		err = medes_op_get(s->nl, s->ops[i].id, &op);
		if (!err)
			take(s, &op);
		else if (err == -ENOENT)
			s->ops[i] = s->ops[--s->n_ops];
		else
			log_warning("operation %u: %s", s->ops[i].id, s->nl->error);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	(void)fd, (void)what;
	if (!s->heard)
		poll_ops(s);
	s->heard = false;
	settle(s);
}

/**
 * store_start() - carry out a part of a plan
 * @events: the event loop
 * @nl: socket for requests
 * @order: what to do
 * @done: called once, from the loop
 * @arg: for @done
 *
 * Return: the store, or NULL for lack of memory.
 */
struct store *store_start(struct event_base *events, struct medes_nl *nl,
			  const struct store_order *order, store_fn done, void *arg)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->timer = evtimer_new(events, on_timer, s);
	if (!s->timer) {
		free(s);
		return NULL;
	}
	s->order = *order;
	s->nl = nl;
	s->finished = done;
	s->arg = arg;
	event_active(s->timer, EV_TIMEOUT, 0);
	return s;
}

/**
 * store_event() - an operation's event came
 * @s: the store, which may be freed by done() in here
 * @op: an operation, of this store or not
 */
void store_event(struct store *s, const struct medes_op *op)
{
	if (take(s, op))
		settle(s);
}

/**
 * store_overrun() - events were lost
 * @s: the store
 */
void store_overrun(struct store *s)
{
	s->heard = false;
	event_active(s->timer, EV_TIMEOUT, 0);
}

/**
 * store_cancel() - stop soon; done() comes with -ECANCELED
 * @s: the store
 */
void store_cancel(struct store *s)
{
	unsigned int i;

	fail(s, -ECANCELED, "cancelled");
	for (i = 0; i < s->n_ops; i++)
		if (medes_op_cancel(s->nl, s->ops[i].id))
			log_debug("cannot cancel operation %u: %s", s->ops[i].id, s->nl->error);
	event_active(s->timer, EV_TIMEOUT, 0);
}

/* Pages that were looked at, and stored, until now. */
uint64_t store_done(const struct store *s)
{
	uint64_t n = s->done;
	unsigned int i;

	for (i = 0; i < s->n_ops; i++)
		n += s->ops[i].done;
	return n;
}

uint64_t store_stored(const struct store *s)
{
	uint64_t n = s->stored;
	unsigned int i;

	for (i = 0; i < s->n_ops; i++)
		n += s->ops[i].stored;
	return n;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	event_free(s->timer);
	free(s);
}
