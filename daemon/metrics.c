// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /metrics in OpenMetrics text form, and /healthz.
 *
 * A metric is a row in a table with a function that reads it, so that all samples of a
 * family stand together, as the form wants.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include "api.h"
#include "conns.h"
#include "engine.h"
#include "function.h"
#include "host.h"
#include "kernel.h"
#include "metrics.h"
#include "nodes.h"
#include "registry.h"

#define CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

static const char *const start_names[START_KINDS] = {
	[START_WARM] = "warm", [START_DEDUP] = "dedup", [START_COLD] = "cold",
};

static const char *suffix(bool counter)
{
	return counter ? "_total" : "";
}

void metrics_family(struct evbuffer *out, const char *name, bool counter, const char *help)
{
	evbuffer_add_printf(out, "# TYPE medes_%s %s\n# HELP medes_%s %s\n", name,
			    counter ? "counter" : "gauge", name, help);
}

void metrics_one(struct evbuffer *out, const char *name, bool counter, const char *help,
		 double number)
{
	metrics_family(out, name, counter, help);
	evbuffer_add_printf(out, "medes_%s%s %.17g\n", name, suffix(counter), number);
}

static void sample(struct evbuffer *out, const char *name, bool counter, const struct function *f,
		   const char *label, const char *value, double number)
{
	evbuffer_add_printf(out, "medes_%s%s{domain=\"%s\",function=\"%s\"", name,
			    suffix(counter), f->domain, f->spec.name);
	if (label)
		evbuffer_add_printf(out, ",%s=\"%s\"", label, value);
	evbuffer_add_printf(out, "} %.17g\n", number);
}

static double queued(const struct function *f)
{
	return f->queued;
}

static double failed(const struct function *f)
{
	return f->failed;
}

static double refused(const struct function *f)
{
	return f->refused;
}

static double retried(const struct function *f)
{
	return f->retried;
}

static double crashes(const struct function *f)
{
	return f->crashes;
}

static double rate(const struct function *f)
{
	return measure_rate(&f->measure);
}

static double memory(const struct function *f)
{
	const struct box *box;
	double sum = 0;

	TAILQ_FOREACH(box, &f->boxes, link)
		sum += admit_box(box);
	return sum;
}

static const struct {
	const char *name;
	bool counter;
	const char *help;
	double (*read)(const struct function *f);
} of_functions[] = {
	{ "queued", false, "Requests that wait for a sandbox.", queued },
	{ "failed", true, "Requests answered with 502 or 504.", failed },
	{ "refused", true, "Requests answered with 429 or 503.", refused },
	{ "retried", true, "Requests sent a second time.", retried },
	{ "crashes", true, "Sandboxes that ended by themselves.", crashes },
	{ "arrival_rate", false, "Requests per second, moving average.", rate },
	{ "memory_bytes", false, "Memory of its sandboxes.", memory },
};

static void functions(struct evbuffer *out, const struct control *c)
{
	const struct function *f;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(of_functions); i++) {
		metrics_family(out, of_functions[i].name, of_functions[i].counter,
			       of_functions[i].help);
		for (f = c->functions; f; f = f->hh.next)
			sample(out, of_functions[i].name, of_functions[i].counter, f, NULL, NULL,
			       of_functions[i].read(f));
	}
	metrics_family(out, "invocations", true, "Requests given to a sandbox.");
	for (f = c->functions; f; f = f->hh.next)
		for (k = 0; k < START_KINDS; k++)
			sample(out, "invocations", true, f, "start", start_names[k],
			       f->measure.starts[k]);
	metrics_family(out, "start_seconds", false,
		       "From choosing a sandbox, or beginning one, until it serves a request, moving average.");
	for (f = c->functions; f; f = f->hh.next)
		for (k = 0; k < START_KINDS; k++)
			if (f->measure.start[k].n)
				sample(out, "start_seconds", false, f, "start", start_names[k],
				       f->measure.start[k].value);
	metrics_family(out, "sandboxes", false, "Sandboxes by state.");
	for (f = c->functions; f; f = f->hh.next)
		for (k = 0; k < BOX_STATES; k++)
			sample(out, "sandboxes", false, f, "life", box_state_name(k), f->in[k]);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void node(struct evbuffer *out, const struct daemon *d)
{
	const struct control *c = d->control;
	double available = 0, stalled = 0;

	c->ops->pressure(c->host, &available, &stalled);
	metrics_one(out, "module_loaded", false, "1 while the kernel module is there.",
	    kernel_instance(d->kernel) ? 1 : 0);
	metrics_one(out, "calls", false, "Requests that wait or run.", c->n_calls);
	metrics_one(out, "connections", false, "Connections of clients.", conns_count(http_conns(d->http)));
	metrics_one(out, "restores_running", false, "Dedup starts whose working set is on its way.",
	    c->n_restoring);
	metrics_one(out, "dedups_running", false, "Sandboxes on their way to dedup.", c->n_deduping);
	metrics_one(out, "dedups", true, "Sandboxes deduplicated.", c->dedups);
	metrics_one(out, "dedup_failures", true, "Sandboxes that could not be.", c->dedups_failed);
	metrics_one(out, "purges", true, "Sandboxes ended by the policy.", c->purges);
	metrics_one(out, "prewarms", true, "Sandboxes started ahead of need.", c->prewarms);
	metrics_one(out, "losses", true, "Sandboxes that lost pages.", c->losses);
	metrics_one(out, "sandbox_memory_bytes", false, "Memory of all sandboxes, bases included.",
	    admit_used(c));
	metrics_one(out, "restore_reserve_bytes", false, "Memory that new sandboxes must leave free.",
	    admit_reserve(c));
	metrics_one(out, "memory_available_bytes", false, "Memory available on the machine.", available);
	metrics_one(out, "memory_stalled_percent", false, "Time stalled for memory, last 10 s.", stalled);
	metrics_one(out, "daemon_cpu_seconds", true, "CPU time of medesd.", cpu_seconds());
}

/* What the engine says of itself, as far as it is numbers. */
static void engine(struct evbuffer *out, const struct engine *e)
{
	static const struct {
		const char *key, *name, *help;
		bool counter;
	} rows[] = {
		{ "servers", "registry_servers", "Valkey servers that have slots.", false },
		{ "servers_ready", "registry_servers_ready", "Of them, connected.", false },
		{ "breakers_open", "registry_breakers_open", "Of them, not asked for a while, since they did not answer.", false },
		{ "requests", "registry_requests", "Commands to Valkey.", true },
		{ "timeouts", "registry_timeouts", "Of them, not answered in time.", true },
		{ "failures", "registry_failures", "Of them, failed.", true },
		{ "refused", "registry_refused", "Commands that had no server to go to.", true },
		{ "redirected", "registry_redirected", "Commands that followed a slot.", true },
		{ "cache_bytes", "registry_cache_bytes", "Buckets that were read lately.", false },
		{ "shared_bases", "registry_shared_bases", "Bases in the cluster's directory.", false },
		{ "hashes", "registry_hashes", "Hashes that were asked for.", true },
		{ "cached", "registry_cached", "Of them, in the cache.", true },
		{ "hits", "registry_hits", "Of them, found.", true },
		{ "unanswered", "registry_unanswered", "Of them, without an answer.", true },
		{ "entered", "registry_entered", "Hashes entered.", true },
		{ "lost", "registry_lost", "Times that the registry had lost this node's bases.", true },
	};
	json_t *json = engine_json(e), *value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		value = json_object_get(json, rows[i].key) ?:
			json_object_get(json_object_get(json, "counts"), rows[i].key);
		if (value)
			metrics_one(out, rows[i].name, rows[i].counter, rows[i].help,
			    json_integer_value(value));
	}
	json_decref(json);
}

static void metrics(struct request *r)
{
	struct evbuffer *out = evbuffer_new();

	if (!out) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory for the metrics");
		return;
	}
	functions(out, r->daemon->control);
	node(out, r->daemon);
	nodes_metrics(r->daemon->nodes, out);
	steer_metrics(r->daemon, out);
	engine(out, r->daemon->engine);
	evbuffer_add_printf(out, "# EOF\n");
	if (r->http)
		evhttp_add_header(evhttp_request_get_output_headers(r->http), "Content-Type",
				  CONTENT_TYPE);
	http_reply_raw(r, HTTP_OK, out);
	evbuffer_free(out);
}

static void health(struct request *r)
{
	http_reply(r, HTTP_OK, json_pack("{s:s,s:b}", "status", "ok",
					 "module", kernel_instance(r->daemon->kernel) != 0));
}

const struct route api_metrics_routes[] = {
	{ EVHTTP_REQ_GET, "/metrics", metrics, 0 },
	{ EVHTTP_REQ_GET, "/healthz", health, ROUTE_OPEN },
	{ 0, NULL, NULL, 0 },
};
