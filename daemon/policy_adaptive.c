// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Adaptive keep-alive: the hybrid histogram policy of "Serverless in
 * the Wild", USENIX ATC '20; a baseline.
 *
 * The times that a function idles between two requests tell when the next one is
 * likely: between a low and a high percentile of them. Before, the sandbox is purged
 * and started again in time; after, it is purged.
 *
 * The paper forecasts by ARIMA where idle times are too long for the histogram.
 * Here a moving average of them is the forecast, with the paper's margin of 15 % around it.
 */
#include <math.h>
#include "policy_parts.h"

#define FORECAST_MARGIN 0.15

enum basis { TOO_FEW, UNCLEAR, HISTOGRAM, FORECAST };

/* Since the last request ended: nothing is kept before @from and after @to, us. */
struct windows {
	enum basis basis;
	double variation;		/* of the histogram's counts */
	uint64_t from;
	uint64_t to;
};

/* Standard deviation over mean of the buckets' counts: high when they gather in few. */
static double variation(const struct measure *m)
{
	double mean = (double)m->idle_total / MEASURE_BUCKETS, sum = 0;
	size_t i;

	for (i = 0; i < MEASURE_BUCKETS; i++)
		sum += (m->idle[i] - mean) * (m->idle[i] - mean);
	return mean > 0 ? sqrt(sum / MEASURE_BUCKETS) / mean : 0;
}

/* The bucket in which that share of the idle times is reached. */
static unsigned int bucket(const struct measure *m, double percent)
{
	double want = m->idle_total * percent / 100;
	uint64_t seen = 0;
	unsigned int i;

	for (i = 0; i < MEASURE_BUCKETS - 1; i++) {
		seen += m->idle[i];
		if (seen && seen >= want)
			break;
	}
	return i;
}

static void by_histogram(const struct policy_function *f, struct windows *w)
{
	const struct measure *m = f->measure;
	double margin = f->params->margin / 100;

	/* the head is rounded down to its bucket's begin, the tail up to its end */
	w->basis = HISTOGRAM;
	w->from = bucket(m, f->params->head) * m->window * (1 - margin);
	w->to = (bucket(m, f->params->tail) + 1) * m->window * (1 + margin);
}

static void by_forecast(const struct policy_function *f, struct windows *w)
{
	double mean = f->measure->idle_mean.value * US_PER_S;

	w->basis = FORECAST;
	w->from = mean * (1 - FORECAST_MARGIN);
	w->to = mean * (1 + FORECAST_MARGIN);
}

static struct windows windows(const struct policy_function *f)
{
	const struct measure *m = f->measure;
	struct windows w = { .variation = variation(m), .to = MEASURE_BUCKETS * m->window };
	uint64_t all = m->idle_total + m->idle_beyond;

	if (all < f->params->samples)
		w.basis = TOO_FEW;
	else if (m->idle_beyond * 100.0 > all * f->params->beyond)
		by_forecast(f, &w);
	else if (w.variation > f->params->spread)
		by_histogram(f, &w);
	else
		w.basis = UNCLEAR;
	return w;
}

/* One that was started ahead counts from the request before, as its forecast does. */
static uint64_t since(const struct policy_function *f, const struct policy_sandbox *s)
{
	uint64_t last = f->measure->idle_since;

	return last && last < s->idle_since ? last : s->idle_since;
}

/* When a sandbox is next to be thought about. */
static uint64_t consider(const struct policy_view *view, struct policy_function *f,
			 struct policy_sandbox *s, const struct windows *w)
{
	uint64_t begin = since(f, s), idle = view->now > begin ? view->now - begin : 0;

	if (s->pinned || (s->state != POLICY_WARM && s->state != POLICY_DEDUP))
		return NEVER;
	if (idle >= w->to) {
		policy_act(s, POLICY_PURGE, "idle for longer than nearly all idle times");
		return NEVER;
	}
	if (idle < w->from) {
		policy_act(s, POLICY_PURGE, "the next request is not expected so soon");
		return NEVER;
	}
	return begin + w->to;
}

/* Starts one when none is there and the time that a request is likely in has come. */
static uint64_t prewarm(const struct policy_view *view, struct policy_function *f,
			const struct windows *w)
{
	uint64_t last = f->measure->idle_since;

	if (!last || !w->from || policy_count(f) || f->queued || view->now >= last + w->to)
		return NEVER;
	if (view->now < last + w->from)
		return last + w->from;
	f->prewarm = 1;
	f->prewarm_why = "a request is likely soon";
	return NEVER;
}

static uint64_t decide(const struct policy *p, const struct policy_view *view,
		       struct policy_function *f)
{
	struct windows w = windows(f);
	uint64_t next = prewarm(view, f, &w), then;
	size_t i;

	(void)p;
	for (i = 0; i < f->n; i++) {
		then = consider(view, f, &f->sandboxes[i], &w);
		if (then < next)
			next = then;
	}
	return next;
}

static void explain(const struct policy *p, const struct policy_view *view,
		    const struct policy_function *f, json_t *numbers, FILE *text)
{
	static const char *const words[] = {
		[TOO_FEW] = "too few idle times to judge by: kept for the histogram's whole length",
		[UNCLEAR] = "idle times of all lengths: kept for the histogram's whole length",
		[HISTOGRAM] = "most idle times are of few lengths: kept while a request is likely",
		[FORECAST] = "most idle times are beyond the histogram: the average is the forecast",
	};
	struct windows w = windows(f);
	double from = (double)w.from / US_PER_S, to = (double)w.to / US_PER_S;

	(void)p, (void)view;
	json_object_set_new(numbers, "idle_times", json_integer(f->measure->idle_total));
	json_object_set_new(numbers, "idle_times_beyond", json_integer(f->measure->idle_beyond));
	json_object_set_new(numbers, "idle_mean_s", json_real(f->measure->idle_mean.value));
	json_object_set_new(numbers, "variation", json_real(w.variation));
	json_object_set_new(numbers, "keep_from_s", json_real(from));
	json_object_set_new(numbers, "keep_to_s", json_real(to));
	fprintf(text, "idle times\t%lu in the histogram, %u beyond it; mean %.1f s, variation %.1f\n",
		f->measure->idle_total, f->measure->idle_beyond, f->measure->idle_mean.value,
		w.variation);
	fprintf(text, "rule\t\t%s\n", words[w.basis]);
	if (w.from)
		fprintf(text, "\t\tpurged at once, started again %.6g s after a request\n", from);
	fprintf(text, "\t\tpurged when idle for %.6g s\n", to);
}

const struct policy_ops policy_adaptive = {
	.name = "adaptive",
	.summary = "adaptive keep-alive: keep while a request is likely by the histogram of idle times",
	.decide = decide,
	.explain = explain,
};
