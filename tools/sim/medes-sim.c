// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-sim: an arrival trace under a policy, simulated; what tools/bench-e2e does in a guest.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "sim.h"

#define MIB (1024.0 * 1024)

enum { DONE, FAILED, USAGE };

struct options {
	const char *trace;
	const char *prefix;
	struct sim_setup setup;
};

static void usage(FILE *to)
{
	fputs("usage: medes-sim --trace FILE [--policy NAME] [--set KEY=VALUE]... [OPTION]...\n"
	      "Runs an arrival trace through medesd's controller and policy, on a simulated machine.\n\n"
	      "  --policy NAME      medes (default), fixed or adaptive\n"
	      "  --set KEY=VALUE    a parameter of the policy, as in [Policy] of medesd.conf\n"
	      "  --factor F         multiplies the policy's periods; before --set (1)\n"
	      "  --capacity MIB     what sandboxes and bases may take (no limit)\n"
	      "  --assumed MIB      of a sandbox of which nothing is known (64)\n"
	      "  --processors N     (2)\n"
	      "  --dedup-starts N   restores at once (10)\n"
	      "  --dedups N         deduplications at once (2)\n"
	      "  --seed N           of times that vary (1)\n"
	      "  --explain F@S      show what policy explain says of function F at second S\n"
	      "  --out PREFIX       write PREFIX-requests.csv, -memory.csv and -decisions.txt\n", to);
}

static bool number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return *text && !*end && *value > 0 && isfinite(*value);
}

static bool set_param(struct policy_params *params, char *arg, char *error, size_t size)
{
	char *value = strchr(arg, '=');

	if (!value) {
		snprintf(error, size, "--set %s: want KEY=VALUE", arg);
		return false;
	}
	*value++ = '\0';
	return !policy_params_set(params, arg, value, error, size);
}

static bool set_explain(struct sim_setup *setup, char *arg, char *error, size_t size)
{
	char *at = strrchr(arg, '@');

	if (!at || !number(at + 1, &setup->explain_at)) {
		snprintf(error, size, "--explain %s: want FUNCTION@SECONDS", arg);
		return false;
	}
	*at = '\0';
	setup->explain = arg;
	return true;
}

static bool option(struct options *o, int c, char *error, size_t size)
{
	const struct policy_ops *ops;
	double n = 0;

	if (c == 't' || c == 'o') {
		*(c == 't' ? &o->trace : &o->prefix) = optarg;
		return true;
	}
	if (c == 's')
		return set_param(&o->setup.policy.params, optarg, error, size);
	if (c == 'e')
		return set_explain(&o->setup, optarg, error, size);
	if (c == 'p') {
		ops = policy_find(optarg);
		if (ops)
			o->setup.policy.ops = ops;
		else
			snprintf(error, size, "no policy %s; there are %s", optarg, policy_names());
		return ops;
	}
	if (!number(optarg, &n)) {
		snprintf(error, size, "\"%s\" is not a number over 0", optarg);
		return false;
	}
	if (c == 'f')
		policy_params_scale(&o->setup.policy.params, n);
	else if (c == 'c')
		o->setup.limits.capacity = n * MIB;
	else if (c == 'a')
		o->setup.limits.assumed = n * MIB;
	else if (c == 'n')
		o->setup.processors = n;
	else if (c == 'd')
		o->setup.limits.max_dedup_starts = n;
	else if (c == 'D')
		o->setup.limits.max_dedups = n;
	else if (c == 'S')
		o->setup.seed = n;
	return true;
}

/* -1: go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "trace", required_argument, NULL, 't' },
		{ "policy", required_argument, NULL, 'p' },
		{ "set", required_argument, NULL, 's' },
		{ "factor", required_argument, NULL, 'f' },
		{ "capacity", required_argument, NULL, 'c' },
		{ "assumed", required_argument, NULL, 'a' },
		{ "processors", required_argument, NULL, 'n' },
		{ "dedup-starts", required_argument, NULL, 'd' },
		{ "dedups", required_argument, NULL, 'D' },
		{ "seed", required_argument, NULL, 'S' },
		{ "explain", required_argument, NULL, 'e' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char error[512] = "";
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return DONE;
		}
		if (c == '?' || !option(o, c, error, sizeof(error)))
			break;
	}
	if (c == -1 && o->trace && optind == argc)
		return -1;
	if (*error)
		fprintf(stderr, "medes-sim: %s\n", error);
	else if (c == -1)
		fprintf(stderr, "medes-sim: %s\n", o->trace ? "no argument is expected" :
			"--trace FILE is missing; medes-trace makes one");
	usage(stderr);
	return USAGE;
}

static FILE *open_out(const struct options *o, const char *what)
{
	char path[512];
	FILE *file;

	if (!o->prefix)
		return NULL;
	snprintf(path, sizeof(path), "%s-%s", o->prefix, what);
	file = fopen(path, "we");
	if (!file)
		fprintf(stderr, "medes-sim: %s: %s\n", path, strerror(errno));
	return file;
}

/* The columns are those of medes-replay. */
static bool write_requests(const struct options *o, const struct sim_result *r)
{
	static const char *const kinds[] = { "warm", "dedup", "cold" };
	FILE *file = open_out(o, "requests.csv");
	size_t i;

	if (!file)
		return false;
	fputs("at_s,function,status,start,start_ms,total_ms\n", file);
	for (i = 0; i < r->n; i++)
		fprintf(file, "%.6f,%s,%d,%s,%.3f,%.3f\n", r->answers[i].at / 1e6,
			o->setup.trace->names[r->answers[i].function], r->answers[i].status,
			r->answers[i].status == 200 ? kinds[r->answers[i].start] : "",
			r->answers[i].start_ms, r->answers[i].total_ms);
	return !fclose(file);
}

static bool write_memory(const struct options *o, const struct sim_result *r)
{
	FILE *file = open_out(o, "memory.csv");
	const struct sim_sample *s;
	size_t i;

	if (!file)
		return false;
	fputs("at_s,used_bytes,starting,running,warm,deduplicating,dedup\n", file);
	for (i = 0; i < r->n_samples; i++) {
		s = &r->samples[i];
		fprintf(file, "%.3f,%.0f,%u,%u,%u,%u,%u\n", s->at, s->used, s->in[POLICY_STARTING],
			s->in[POLICY_RUNNING], s->in[POLICY_WARM], s->in[POLICY_DEDUPING],
			s->in[POLICY_DEDUP]);
	}
	return !fclose(file);
}

static void summarise(const struct options *o, const struct sim_result *r)
{
	printf("%-8s %5zu requests: %5zu warm %5zu dedup %5zu cold %3zu failed;"
	       " p50 %7.1f p95 %7.1f p99 %7.1f ms; memory %5.1f MiB on average, %5.1f at most;"
	       " cpu %.0f s; %lu dedups %lu purges %lu started ahead\n",
	       o->setup.policy.ops->name, r->n, r->starts[START_WARM], r->starts[START_DEDUP],
	       r->starts[START_COLD], r->failed, sim_percentile(r, START_KINDS, 50),
	       sim_percentile(r, START_KINDS, 95), sim_percentile(r, START_KINDS, 99),
	       r->mean / MIB, r->most / MIB, r->busy, r->dedups, r->purges, r->prewarms);
}

static int run(struct options *o)
{
	struct sim_result result;
	int code = DONE, err;

	if (o->prefix) {
		o->setup.decisions = open_out(o, "decisions.txt");
		if (!o->setup.decisions)
			return FAILED;
	}
	err = sim_run(&o->setup, &result);
	if (err) {
		fprintf(stderr, "medes-sim: %s\n", err == -ENOENT ?
			"the trace has a function that is no application of the simulator's" :
			strerror(-err));
		code = FAILED;
	} else {
		summarise(o, &result);
		if (o->prefix && (!write_requests(o, &result) || !write_memory(o, &result)))
			code = FAILED;
	}
	sim_result_free(&result);
	if (o->setup.decisions)
		fclose(o->setup.decisions);
	return code;
}

static int read_trace(const char *path, struct trace *trace)
{
	FILE *file = fopen(path, "re");
	char error[256];
	int err;

	if (!file) {
		fprintf(stderr, "medes-sim: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	err = trace_read(trace, file, error, sizeof(error));
	fclose(file);
	if (err)
		fprintf(stderr, "medes-sim: %s: %s\n", path, error);
	return err;
}

int main(int argc, char **argv)
{
	struct trace trace = { 0 };
	struct options o = {
		.setup = { .trace = &trace, .processors = 2, .seed = 1, .settle = 30, .sample = 0.5 },
	};
	int code;

	policy_init(&o.setup.policy, &policy_medes);
	log_init(3);
	code = parse_options(argc, argv, &o);
	if (code >= 0)
		return code;
	code = read_trace(o.trace, &trace) ? FAILED : run(&o);
	trace_free(&trace);
	return code;
}
