// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Arrival traces of the kinds that serverless platforms see: most functions are
 * called rarely, some by a timer, some in bursts, and some all the time with a
 * rhythm of a day ("Serverless in the Wild", USENIX ATC '20).
 *
 * Each function has a random sequence of its own, made of the seed and its name, so adding
 * one does not change the others.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "random.h"
#include "trace.h"

#define MINUTE 60.0

enum { BURSTY, DIURNAL, RARE, TIMED };

const struct arrival_kind arrival_kinds[] = {
	[BURSTY] = { "bursty", "bursts of 6 requests on average, 10 s apart, every 8 min on average" },
	[DIURNAL] = { "diurnal", "a request every 40 s on average, between none and twice that, over a day of 80 min" },
	[RARE] = { "rare", "a request every 20 min on average, at random" },
	[TIMED] = { "timed", "a request every 12 min, give or take 10 %" },
	{ NULL, NULL },
};

struct making {
	struct trace *trace;
	struct rng rng;
	unsigned int function;
	double end;			/* s, before the factor */
	double factor;
	int err;
};

static int append(struct trace *trace, uint64_t at, unsigned int function)
{
	size_t room = trace->room ? 2 * trace->room : 1024;
	struct arrival *more;

	if (trace->n == trace->room) {
		more = realloc(trace->v, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		trace->v = more;
		trace->room = room;
	}
	trace->v[trace->n] = (struct arrival){ .at = at, .function = function, .order = trace->n };
	trace->n++;
	return 0;
}

static void arrive(struct making *m, double at)
{
	if (at < m->end && !m->err)
		m->err = append(m->trace, at * m->factor * US_PER_S, m->function);
}

static void make_bursty(struct making *m)
{
	double burst = rng_exponential(&m->rng, 8 * MINUTE), at;

	for (; burst < m->end; burst += rng_exponential(&m->rng, 8 * MINUTE)) {
		at = burst;
		do {
			arrive(m, at);
			at += rng_exponential(&m->rng, 10);
		} while (rng_unit(&m->rng) < 5 / 6.0);
	}
}

/* A Poisson process at twice the mean rate, thinned by the time of day. */
static void make_diurnal(struct making *m)
{
	double phase = rng_unit(&m->rng), at = 0, share;

	while ((at += rng_exponential(&m->rng, 20)) < m->end) {
		share = (1 + sin(2 * M_PI * (at / (80 * MINUTE) + phase))) / 2;
		if (rng_unit(&m->rng) < share)
			arrive(m, at);
	}
}

static void make_rare(struct making *m)
{
	double at = 0;

	while ((at += rng_exponential(&m->rng, 20 * MINUTE)) < m->end)
		arrive(m, at);
}

static void make_timed(struct making *m)
{
	double at = rng_unit(&m->rng) * 12 * MINUTE;

	for (; at < m->end; at += 12 * MINUTE * (0.9 + 0.2 * rng_unit(&m->rng)))
		arrive(m, at);
}

static int find_kind(const char *name)
{
	int i;

	for (i = 0; arrival_kinds[i].name; i++)
		if (!strcmp(arrival_kinds[i].name, name))
			return i;
	return -1;
}

/* -EINVAL: no name; -E2BIG: too many. */
static int number_of(struct trace *trace, const char *name)
{
	unsigned int i;

	for (i = 0; i < trace->n_names; i++)
		if (!strcmp(trace->names[i], name))
			return i;
	if (!*name || strlen(name) >= TRACE_NAME || strpbrk(name, " \t\n#"))
		return -EINVAL;
	if (i == TRACE_FUNCTIONS)
		return -E2BIG;
	strcpy(trace->names[i], name);
	trace->n_names++;
	return i;
}

/**
 * trace_add() - add the requests of one function
 * @trace: zeroed before the first; to be sorted after the last
 * @name: of the function
 * @kind: one of arrival_kinds
 * @seed: the same gives the same
 * @seconds: how long the trace is
 * @factor: all periods are multiplied by it
 *
 * Return: 0, -ENOENT (no such kind), -EINVAL (no name), -E2BIG, -ENOMEM.
 */
int trace_add(struct trace *trace, const char *name, const char *kind, uint64_t seed,
	      double seconds, double factor)
{
	static void (*const make[])(struct making *m) = {
		[BURSTY] = make_bursty, [DIURNAL] = make_diurnal, [RARE] = make_rare,
		[TIMED] = make_timed,
	};
	struct making m = { .trace = trace, .end = seconds / factor, .factor = factor };
	int k = find_kind(kind), function = number_of(trace, name);
	const char *c;

	if (k < 0)
		return -ENOENT;
	if (function < 0)
		return function;
	m.function = function;
	for (c = name; *c; c++)
		seed = seed * 1000003 + (unsigned char)*c;
	rng_seed(&m.rng, seed);
	make[k](&m);
	return m.err;
}

static int by_time(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/**
 * trace_sort() - put the requests in order of time
 * @trace: all functions have been added
 */
void trace_sort(struct trace *trace)
{
	if (trace->n)
		qsort(trace->v, trace->n, sizeof(*trace->v), by_time);
}

static int parse(struct trace *trace, const char *line)
{
	char name[TRACE_NAME + 1], rest;
	double at;
	int function;

	if (sscanf(line, "%lf %49s %c", &at, name, &rest) != 2 || !(at >= 0 && at < 1e9))
		return -EINVAL;
	function = number_of(trace, name);
	if (function < 0)
		return function;
	if (trace->n && trace->v[trace->n - 1].at > round(at * US_PER_S))
		return -EINVAL;
	return append(trace, round(at * US_PER_S), function);
}

/**
 * trace_read() - read a trace
 * @trace: zeroed
 * @file: open for reading
 * @error: receives line and reason
 * @size: of @error, bytes
 *
 * Return: 0 or a negative errno.
 */
int trace_read(struct trace *trace, FILE *file, char *error, size_t size)
{
	unsigned int number = 0;
	char line[256];
	int err;

	while (fgets(line, sizeof(line), file)) {
		number++;
		if (*line == '#' || *line == '\n')
			continue;
		err = parse(trace, line);
		if (!err)
			continue;
		snprintf(error, size, "line %u: %s", number, err == -EINVAL ?
			 "want \"SECONDS FUNCTION\", in order of time" : strerror(-err));
		return err;
	}
	return 0;
}

/**
 * trace_write() - write a trace as trace_read() takes it
 * @trace: sorted
 * @file: open for writing
 */
void trace_write(const struct trace *trace, FILE *file)
{
	size_t i;

	for (i = 0; i < trace->n; i++)
		fprintf(file, "%.6f %s\n", (double)trace->v[i].at / US_PER_S,
			trace->names[trace->v[i].function]);
}

/**
 * trace_free() - free what a trace owns
 * @trace: zeroed afterwards
 */
void trace_free(struct trace *trace)
{
	free(trace->v);
	*trace = (struct trace){ 0 };
}
