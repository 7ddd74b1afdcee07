// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the nodes have measured of a function, added up to what one node would have that
 * serves all of it. So a new controller knows as much as the one before.
 *
 * Rates, arrivals and counts are sums. Other averages are weighted by how many values they
 * hold, up to where old values do not count any more. Windows of two nodes may lie half a
 * window apart, and a function idles for longer on each node than in all; that errs on
 * the side of keeping sandboxes. Times are told as ages: no clock of another machine is read.
 */
#include "clock.h"
#include "measure_json.h"
#include "medes.h"

#define WEIGHT_MAX 32

/* In the order in which they are told. */
static const size_t averages[] = {
	offsetof(struct measure, start[START_WARM]), offsetof(struct measure, start[START_DEDUP]),
	offsetof(struct measure, start[START_COLD]), offsetof(struct measure, exec),
	offsetof(struct measure, held), offsetof(struct measure, restore),
	offsetof(struct measure, memory_warm), offsetof(struct measure, memory_dedup),
	offsetof(struct measure, memory_restore), offsetof(struct measure, idle_mean),
	offsetof(struct measure, idle_deviation),
};

static struct average *average(struct measure *m, size_t i)
{
	return (struct average *)((char *)m + averages[i]);
}

static json_t *averages_json(struct measure *m)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(averages); i++)
		json_array_append_new(array, json_pack("[f,I]", average(m, i)->value,
						       (json_int_t)average(m, i)->n));
	return array;
}

/* The newest first. */
static json_t *arrivals_json(const struct measure *m)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < MEASURE_WINDOWS; i++)
		json_array_append_new(array, json_integer(m->arrivals[(m->current + MEASURE_WINDOWS - i) %
								      MEASURE_WINDOWS]));
	return array;
}

/* Bucket and count, in turns, of those that are not empty. */
static json_t *idle_json(const struct measure *m)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < MEASURE_BUCKETS; i++) {
		if (!m->idle[i])
			continue;
		json_array_append_new(array, json_integer(i));
		json_array_append_new(array, json_integer(m->idle[i]));
	}
	return array;
}

/**
 * measure_json() - for others
 * @m: the function's; brought up to now
 * @now: us
 */
json_t *measure_json(struct measure *m, uint64_t now)
{
	measure_roll(m, now);
	return json_pack("{s:f,s:I,s:o,s:o,s:[I,I,I],s:I,s:I,s:o,s:I,s:I}",
			 "rate", m->rate.value, "windows", (json_int_t)m->rate.n,
			 "averages", averages_json(m), "arrivals", arrivals_json(m),
			 "starts", (json_int_t)m->starts[START_WARM],
			 (json_int_t)m->starts[START_DEDUP], (json_int_t)m->starts[START_COLD],
			 "total", (json_int_t)m->total, "running", (json_int_t)m->running,
			 "idle", idle_json(m), "beyond", (json_int_t)m->idle_beyond,
			 "idle_ms", m->idle_since ? (json_int_t)((now - m->idle_since) / US_PER_MS) : -1);
}

static void add_average(struct average *sum, const json_t *pair)
{
	double value = json_number_value(json_array_get(pair, 0));
	json_int_t n = json_integer_value(json_array_get(pair, 1));
	uint64_t weight = n > WEIGHT_MAX ? WEIGHT_MAX : n;

	if (n <= 0)
		return;
	sum->value = sum->n ? (sum->value * sum->n + value * weight) / (sum->n + weight) : value;
	sum->n += weight;
}

static void add_idle(struct measure *sum, const json_t *idle)
{
	json_int_t bucket, count;
	size_t i;

	for (i = 0; i + 1 < json_array_size(idle); i += 2) {
		bucket = json_integer_value(json_array_get(idle, i));
		count = json_integer_value(json_array_get(idle, i + 1));
		if (bucket < 0 || bucket >= MEASURE_BUCKETS || count < 0 || count > UINT32_MAX)
			continue;
		sum->idle[bucket] += count;
		sum->idle_total += count;
	}
}

static void add_arrivals(struct measure *sum, const json_t *arrivals)
{
	size_t i;

	for (i = 0; i < MEASURE_WINDOWS; i++)
		sum->arrivals[(sum->current + MEASURE_WINDOWS - i) % MEASURE_WINDOWS] +=
			json_integer_value(json_array_get(arrivals, i));
}

/**
 * measure_add() - add what one node has measured
 * @sum: of measure_init(), or of earlier additions; windows are of the same length everywhere
 * @part: of measure_json()
 * @now: us, here
 *
 * Return: 0, or -1: it makes no sense, and sum is as it was.
 */
int measure_add(struct measure *sum, const json_t *part, uint64_t now)
{
	json_int_t windows, starts[START_KINDS], total, running, beyond, idle_ms;
	json_t *values, *arrivals, *idle;
	double rate;
	size_t i;

	if (json_unpack((json_t *)part, "{s:F,s:I,s:o,s:o,s:[I,I,I],s:I,s:I,s:o,s:I,s:I}",
			"rate", &rate, "windows", &windows, "averages", &values,
			"arrivals", &arrivals, "starts", &starts[START_WARM], &starts[START_DEDUP],
			&starts[START_COLD], "total", &total, "running", &running, "idle", &idle,
			"beyond", &beyond, "idle_ms", &idle_ms) ||
	    json_array_size(values) != ARRAY_SIZE(averages) || windows < 0)
		return -1;
	sum->rate.value += rate;
	if ((uint64_t)windows > sum->rate.n)
		sum->rate.n = windows;
	for (i = 0; i < ARRAY_SIZE(averages); i++)
		add_average(average(sum, i), json_array_get(values, i));
	add_arrivals(sum, arrivals);
	add_idle(sum, idle);
	for (i = 0; i < START_KINDS; i++)
		sum->starts[i] += starts[i];
	sum->total += total;
	sum->running += running;
	sum->idle_beyond += beyond;
	if (idle_ms >= 0 && now > (uint64_t)idle_ms * US_PER_MS &&
	    now - idle_ms * US_PER_MS > sum->idle_since)
		sum->idle_since = now - idle_ms * US_PER_MS;
	/* nothing is rolled on here: each node does that */
	sum->window_end = now + sum->window;
	return 0;
}
