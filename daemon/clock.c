// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both clocks share one heap of timers. The real one sets a single libevent timer
 * for the heap's first; the simulated one jumps there.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <event2/event.h>
#include "clock.h"

struct clock {
	struct timer **heap;		/* [0] is not used */
	size_t n;
	size_t room;
	uint64_t order;			/* given to the next timer that is set */
	struct event *event;		/* NULL: simulated */
	uint64_t now;			/* of the simulated one */
};

static bool before(const struct timer *a, const struct timer *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct clock *clock, size_t place, struct timer *timer)
{
	clock->heap[place] = timer;
	timer->place = place;
}

static void sift_up(struct clock *clock, size_t place, struct timer *timer)
{
	while (place > 1 && before(timer, clock->heap[place / 2])) {
		put(clock, place, clock->heap[place / 2]);
		place /= 2;
	}
	put(clock, place, timer);
}

static void sift_down(struct clock *clock, size_t place, struct timer *timer)
{
	size_t child;

	while ((child = 2 * place) <= clock->n) {
		if (child < clock->n && before(clock->heap[child + 1], clock->heap[child]))
			child++;
		if (before(timer, clock->heap[child]))
			break;
		put(clock, place, clock->heap[child]);
		place = child;
	}
	put(clock, place, timer);
}

static void take_out(struct timer *timer)
{
	struct clock *clock = timer->clock;
	struct timer *last = clock->heap[clock->n--];
	size_t place = timer->place;

	timer->place = 0;
	if (last == timer)
		return;
	if (place > 1 && before(last, clock->heap[place / 2]))
		sift_up(clock, place, last);
	else
		sift_down(clock, place, last);
}

/* libevent is told of the first timer, whenever that is another one. */
static void rearm(struct clock *clock)
{
	uint64_t now, left;
	struct timeval after;

	if (!clock->event)
		return;
	if (!clock->n) {
		event_del(clock->event);
		return;
	}
	now = clock_now(clock);
	left = clock->heap[1]->due > now ? clock->heap[1]->due - now : 0;
	after = (struct timeval){ .tv_sec = left / US_PER_S, .tv_usec = left % US_PER_S };
	event_add(clock->event, &after);
}

/* A timer that is set by one that fires waits for the next round, even at no distance. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct clock *clock = arg;
	uint64_t now = clock_now(clock), order = clock->order;
	struct timer *first;

	(void)fd, (void)what;
	while (clock->n && clock->heap[1]->due <= now && clock->heap[1]->order < order) {
		first = clock->heap[1];
		take_out(first);
		first->fn(first->arg);
	}
	rearm(clock);
}

/**
 * timer_init() - prepare a timer that is not set
 * @timer: to be used with @clock only
 * @clock: outlives the timer
 * @fn: called in the event loop; may set or stop any timer, and free this one's object
 * @arg: for @fn
 */
void timer_init(struct timer *timer, struct clock *clock, void (*fn)(void *arg), void *arg)
{
	*timer = (struct timer){ .clock = clock, .fn = fn, .arg = arg };
}

/**
 * timer_set_at() - let a timer fire once
 * @timer: if it is set already, its time changes
 * @due_us: of the clock; what has passed fires at once, but never within this call
 *
 * Return: 0 or -ENOMEM.
 */
int timer_set_at(struct timer *timer, uint64_t due_us)
{
	struct clock *clock = timer->clock;
	struct timer **heap;
	size_t room;

	if (timer->place)
		take_out(timer);
	if (clock->n + 1 >= clock->room) {
		room = clock->room ? 2 * clock->room : 64;
		heap = realloc(clock->heap, room * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		clock->heap = heap;
		clock->room = room;
	}
	timer->due = due_us;
	timer->order = clock->order++;
	sift_up(clock, ++clock->n, timer);
	if (timer->place == 1)
		rearm(clock);
	return 0;
}

/**
 * timer_set() - let a timer fire once, some time from now
 * @timer: if it is set already, its time changes
 * @after_us: from now
 *
 * Return: 0 or -ENOMEM.
 */
int timer_set(struct timer *timer, uint64_t after_us)
{
	uint64_t now = clock_now(timer->clock);

	return timer_set_at(timer, after_us > NEVER - now ? NEVER : now + after_us);
}

/**
 * timer_stop() - a timer shall not fire
 * @timer: nothing happens if it is not set, or was never initialised but zeroed
 */
void timer_stop(struct timer *timer)
{
	if (timer->place)
		take_out(timer);
}

/**
 * clock_now() - the time, us, never running backwards
 * @clock: CLOCK_MONOTONIC or the simulation's
 */
uint64_t clock_now(const struct clock *clock)
{
	struct timespec now;

	if (!clock->event)
		return clock->now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/**
 * clock_simulated_new() - a clock that stands still until it is told to go on
 *
 * It starts at one hour, so that no time in a test is 0, which often means "never".
 */
struct clock *clock_simulated_new(void)
{
	struct clock *clock = calloc(1, sizeof(*clock));

	if (clock)
		clock->now = 3600 * US_PER_S;
	return clock;
}

/**
 * clock_real_new() - the machine's clock
 * @events: whose loop the timers fire in; outlives the clock
 */
struct clock *clock_real_new(struct event_base *events)
{
	struct clock *clock = calloc(1, sizeof(*clock));

	if (!clock)
		return NULL;
	clock->event = evtimer_new(events, on_event, clock);
	if (clock->event)
		return clock;
	free(clock);
	return NULL;
}

/**
 * clock_free() - the end of a clock; timers that are set never fire
 * @clock: or NULL
 */
void clock_free(struct clock *clock)
{
	if (!clock)
		return;
	while (clock->n)
		take_out(clock->heap[1]);
	if (clock->event)
		event_free(clock->event);
	free(clock->heap);
	free(clock);
}

/**
 * clock_step() - go to the next timer and fire it
 * @clock: a simulated one
 *
 * Return: false if none is set.
 */
bool clock_step(struct clock *clock)
{
	struct timer *first;

	if (!clock->n)
		return false;
	first = clock->heap[1];
	if (first->due > clock->now)
		clock->now = first->due;
	take_out(first);
	first->fn(first->arg);
	return true;
}

/**
 * clock_run_until() - fire everything that is due by then, and go there
 * @clock: a simulated one
 * @until_us: of the clock
 */
void clock_run_until(struct clock *clock, uint64_t until_us)
{
	while (clock->n && clock->heap[1]->due <= until_us)
		clock_step(clock);
	if (until_us > clock->now)
		clock->now = until_us;
}
