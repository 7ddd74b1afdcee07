/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time, behind an interface: the daemon runs on the machine's clock and libevent,
 * the tests and the simulator on one that jumps from timer to timer. Timers fire
 * in the order of their times, and those of one time in the order they were set,
 * so that the same seed gives the same run.
 */
#ifndef MEDESD_CLOCK_H
#define MEDESD_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define US_PER_MS 1000ULL
#define US_PER_S 1000000ULL
#define NEVER UINT64_MAX

struct event_base;
struct clock;

/* One-shot; part of the object that it belongs to. Zeroed: not set. */
struct timer {
	struct clock *clock;
	void (*fn)(void *arg);
	void *arg;
	uint64_t due;			/* us */
	uint64_t order;
	size_t place;			/* in the clock's heap, from 1; 0: not set */
};

void timer_init(struct timer *timer, struct clock *clock, void (*fn)(void *arg), void *arg);
int timer_set(struct timer *timer, uint64_t after_us);
int timer_set_at(struct timer *timer, uint64_t due_us);
void timer_stop(struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place;
}

/* Monotonic, us. */
uint64_t clock_now(const struct clock *clock);

struct clock *clock_real_new(struct event_base *events);
struct clock *clock_simulated_new(void);
void clock_free(struct clock *clock);

/* The simulated clock only */
bool clock_step(struct clock *clock);
void clock_run_until(struct clock *clock, uint64_t until_us);

#endif /* MEDESD_CLOCK_H */
