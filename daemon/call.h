/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call: somebody wants a box of a function, for one request.
 *
 *	queued -> given to a box -> ready() -> call_done() or call_broken()
 *	   |            ^  |                         |
 *	   |            +--+--- once, if idempotent -+
 *	   +-> failed()
 *
 * After failed() or call_done() the controller knows it no more.
 */
#ifndef MEDESD_CALL_H
#define MEDESD_CALL_H

#include "control.h"

enum call_state { CALL_NEW, CALL_QUEUED, CALL_GIVEN, CALL_READY, CALL_OVER };

struct call_ops {
	/* It has call->box, which serves nothing else meanwhile beyond its concurrency. */
	void (*ready)(struct call *call);
	/* status: of HTTP; retry_after: seconds, 0: none */
	void (*failed)(struct call *call, int status, unsigned int retry_after, const char *why);
	/* Sent, and now to be sent again: forget the first attempt. Before ready(). */
	void (*again)(struct call *call);
};

/* Part of the caller's object; zeroed but for ops, and what is said here. */
struct call {
	TAILQ_ENTRY(call) link;		/* in the function's queue, or in the box */
	const struct call_ops *ops;
	struct function *function;
	struct box *box;
	enum call_state state;
	bool idempotent;		/* set by the caller */
	bool steered;			/* set by the caller: the cluster's controller sent it */
	bool lease;			/* set by the caller: no request of ours, never repeated */
	unsigned int limit;		/* set by the caller: ms that it may run; 0: the function's */
	bool repeated;
	uint64_t accepted;		/* us */
	uint64_t given;			/* us */
	uint64_t handed;		/* us */
	enum start_kind start;
	struct timer timer;
};

void call_submit(struct call *call, struct function *f, struct box *only);
void call_hold(struct call *call, struct box *box);
void call_done(struct call *call);
void call_broken(struct call *call, const char *why);
void call_cancel(struct call *call);		/* still queued: nobody wants it any more */
double call_start_ms(const struct call *call);

/* For the scheduler and boxes */
void call_give(struct call *call, struct box *box, enum start_kind start);
void call_handed(struct call *call);
void call_fail(struct call *call, int status, unsigned int retry_after, const char *why);
void call_box_gone(struct call *call, const char *why);

/* sched.c */
bool sched_place(struct call *call);
void sched_kick(struct function *f);

#endif /* MEDESD_CALL_H */
