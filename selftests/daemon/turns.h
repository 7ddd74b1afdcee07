/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turning the event loop, until something is so or a time has passed. A program that
 * includes this has one loop, @events. How long something takes is the machine's business: the
 * limit is there to end a test in which it never happens.
 */
#ifndef TEST_TURNS_H
#define TEST_TURNS_H

#include <event2/event.h>
#include "valkey.h"

static struct event_base *events;

/* One turn of the loop, of 5 ms at most. */
static void turn(void)
{
	const struct timeval tv = { .tv_usec = 5000 };

	event_base_loopexit(events, &tv);
	event_base_dispatch(events);
}

#define PATIENCE_US 60000000ULL

#define until(condition) do { \
	uint64_t give_up_ = valkey_now() + PATIENCE_US; \
	bool so_ = condition; \
	while (!so_ && valkey_now() < give_up_) { \
		turn(); \
		so_ = condition; \
	} \
	if (!so_) \
		fail_msg("it never became true: %s", #condition); \
} while (0)

static inline void spend(unsigned int ms)
{
	uint64_t end = valkey_now() + ms * 1000ULL;

	while (valkey_now() < end)
		turn();
}

#endif /* TEST_TURNS_H */
