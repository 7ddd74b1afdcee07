/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out a plan, or a restore: operations sent to the kernel, several in
 * flight.
 */
#ifndef MEDESD_STORE_H
#define MEDESD_STORE_H

#include <event2/event.h>
#include "nl.h"
#include "plan.h"

#define STORE_IN_FLIGHT_MAX 16

struct store_order {
	const struct plan *plan;	/* unchanged until the end; NULL: restore */
	enum plan_action action;	/* PLAN_STORE or PLAN_DEMARCATE */
	uint32_t sandbox;
	uint64_t base;			/* for PLAN_DEMARCATE */
	bool working_set;		/* restore: only that */
	unsigned int in_flight;		/* operations at once */
	uint32_t mode;			/* MEDES_MODE_*, for PLAN_STORE */
};

/* err 0: all pages were handed over; error says why not. From the loop. */
typedef void (*store_fn)(int err, const char *error, void *arg);

struct store;

struct store *store_start(struct event_base *events, struct medes_nl *nl,
			  const struct store_order *order, store_fn done, void *arg);
void store_event(struct store *s, const struct medes_op *op);
void store_overrun(struct store *s);
void store_cancel(struct store *s);
uint64_t store_done(const struct store *s);
uint64_t store_stored(const struct store *s);
void store_free(struct store *s);

#endif /* MEDESD_STORE_H */
