// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The numbers that policies decide by, taken while a function is used.
 *
 * Until something was measured an average holds an assumption. The assumptions are
 * those of a small Python function; what was measured replaces them at the first value.
 */
#include <math.h>
#include <string.h>
#include "clock.h"
#include "measure.h"

#define WARM (50 << 20)			/* bytes */
#define DEDUP_SHARE 0.3			/* of what is warm, until it was measured */
#define RESTORE_SHARE 0.1

static void take(struct average *a, double value)
{
	a->value = a->n ? a->value + MEASURE_WEIGHT * (value - a->value) : value;
	a->n++;
}

/**
 * measure_init() - nothing is known of a function yet
 * @m: filled in
 * @window_us: what counts as a minute, not 0
 */
void measure_init(struct measure *m, uint64_t window_us)
{
	*m = (struct measure){
		.window = window_us,
		.start = { { .value = 0.002 }, { .value = 0.02 }, { .value = 1 } },
		.exec = { .value = 0.1 },
		.held = { .value = 0.1 },
		.restore = { .value = 0.2 },
		.memory_warm = { .value = WARM },
		.memory_dedup = { .value = DEDUP_SHARE * WARM },
		.memory_restore = { .value = RESTORE_SHARE * WARM },
	};
}

static double seconds(const struct measure *m)
{
	return (double)m->window / US_PER_S;
}

/* The current window ends and enters the average. */
static void end_window(struct measure *m)
{
	take(&m->rate, m->arrivals[m->current] / seconds(m));
	m->current = (m->current + 1) % MEASURE_WINDOWS;
	m->arrivals[m->current] = 0;
	m->window_end += m->window;
}

/**
 * measure_roll() - begin a new window when the time has come
 * @m: the function's
 * @now: us
 *
 * A long silence is not gone through window by window: once all counts are 0, the
 * average just decays.
 */
void measure_roll(struct measure *m, uint64_t now)
{
	uint64_t behind, i;

	if (!m->window_end || now < m->window_end)
		return;
	behind = (now - m->window_end) / m->window + 1;
	for (i = 0; i < behind && i <= MEASURE_WINDOWS; i++)
		end_window(m);
	if (i == behind)
		return;
	m->rate.value *= pow(1 - MEASURE_WEIGHT, behind - i);
	m->window_end += (behind - i) * m->window;
}

/* How long the function idled before this arrival. */
static void take_idle(struct measure *m, uint64_t now)
{
	uint64_t idle = now > m->idle_since ? now - m->idle_since : 0;
	double s = (double)idle / US_PER_S;

	if (idle / m->window < MEASURE_BUCKETS) {
		m->idle[idle / m->window]++;
		m->idle_total++;
	} else {
		m->idle_beyond++;
	}
	if (m->idle_mean.n)
		take(&m->idle_deviation, fabs(s - m->idle_mean.value));
	take(&m->idle_mean, s);
}

/**
 * measure_arrival() - a request has come in
 * @m: the function's
 * @now: us
 */
void measure_arrival(struct measure *m, uint64_t now)
{
	if (!m->window_end)
		m->window_end = now + m->window;
	measure_roll(m, now);
	m->arrivals[m->current]++;
	m->total++;
	if (!m->running && m->idle_since)
		take_idle(m, now);
	m->running++;
}

/**
 * measure_start() - a sandbox has taken a request
 * @m: the function's
 * @kind: what the sandbox was when the request was given to it
 * @seconds: that the sandbox took until it could serve it; no waiting for one
 */
void measure_start(struct measure *m, enum start_kind kind, double seconds)
{
	m->starts[kind]++;
	take(&m->start[kind], seconds);
}

static void ended(struct measure *m)
{
	if (m->running)
		m->running--;
}

/**
 * measure_end() - a request has been served
 * @m: the function's
 * @now: us
 * @kind: what the sandbox was before
 * @exec_seconds: that the sandbox took, without the start
 *
 * A deduplicated sandbox serves at once, and its pages come back while it does: what
 * its request takes longer than others belongs to the start.
 */
void measure_end(struct measure *m, uint64_t now, enum start_kind kind, double exec_seconds)
{
	ended(m);
	m->idle_since = now;
	if (kind != START_DEDUP)
		take(&m->exec, exec_seconds);
	else if (m->exec.n)
		take(&m->restore, fmax(exec_seconds - m->exec.value, 0));
}

/**
 * measure_release() - a lease was given back
 * @m: the function's
 * @now: us
 * @kind: what the sandbox was before
 * @held_seconds: that it was acquired for
 *
 * What its holder did is his: a request, many, or nothing. So this says nothing about
 * running where requests are seen as well, and stands for it where there are only leases.
 */
void measure_release(struct measure *m, uint64_t now, enum start_kind kind, double held_seconds)
{
	ended(m);
	m->idle_since = now;
	if (kind != START_DEDUP)
		take(&m->held, held_seconds);
	else if (m->held.n && !m->exec.n)
		take(&m->restore, fmax(held_seconds - m->held.value, 0));
}

/**
 * measure_cancel() - a request that has come in will not be served
 * @m: the function's
 */
void measure_cancel(struct measure *m)
{
	ended(m);
}

/**
 * measure_memory_warm() - what a warm sandbox takes
 * @m: the function's
 * @bytes: of anonymous memory
 */
void measure_memory_warm(struct measure *m, double bytes)
{
	take(&m->memory_warm, bytes);
	if (!m->memory_dedup.n)
		m->memory_dedup.value = DEDUP_SHARE * m->memory_warm.value;
	if (!m->memory_restore.n)
		m->memory_restore.value = RESTORE_SHARE * m->memory_warm.value;
}

/**
 * measure_memory_dedup() - what a deduplicated sandbox takes
 * @m: the function's
 * @bytes: of pages that stayed, and of its records
 */
void measure_memory_dedup(struct measure *m, double bytes)
{
	take(&m->memory_dedup, bytes);
}

/**
 * measure_memory_restore() - what a restore takes, beyond the deduplicated sandbox
 * @m: the function's
 * @bytes: of pages that came back for one request
 */
void measure_memory_restore(struct measure *m, double bytes)
{
	take(&m->memory_restore, bytes);
}

/**
 * measure_rate() - the arrival rate, 1/s
 * @m: brought up to now
 *
 * In a function's first window, what came so far, as if it were over.
 */
double measure_rate(const struct measure *m)
{
	return m->rate.n ? m->rate.value : m->arrivals[m->current] / seconds(m);
}

/**
 * measure_peak() - the peak arrival rate, 1/s
 * @m: brought up to now
 *
 * That of the busiest of the last windows. The current one counts as if it were over.
 */
double measure_peak(const struct measure *m)
{
	uint32_t most = 0;
	size_t i;

	for (i = 0; i < MEASURE_WINDOWS; i++)
		if (m->arrivals[i] > most)
			most = m->arrivals[i];
	return most / seconds(m);
}

/**
 * measure_busy() - how long a request occupies a sandbox, its start aside, s
 * @m: the function's
 */
double measure_busy(const struct measure *m)
{
	return m->held.n && !m->exec.n ? m->held.value : m->exec.value;
}
