// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-trace: writes an arrival trace.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "trace.h"

enum { DONE, FAILED, USAGE };

struct options {
	uint64_t seed;
	double seconds;
	double factor;
};

static void usage(FILE *to)
{
	int i;

	fputs("usage: medes-trace [--seed N] [--seconds S] [--factor F] FUNCTION=KIND...\n"
	      "Writes an arrival trace: a line \"SECONDS FUNCTION\" per request.\n\n"
	      "  --seed N     whole number (1): the same seed gives the same trace\n"
	      "  --seconds S  its length (480)\n"
	      "  --factor F   multiplies every period (0.05: a minute becomes 3 s)\n\n"
	      "Kinds, before the factor:\n", to);
	for (i = 0; arrival_kinds[i].name; i++)
		fprintf(to, "  %-12s %s\n", arrival_kinds[i].name, arrival_kinds[i].words);
}

static bool number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return *text && !*end && *value > 0 && isfinite(*value);
}

static bool whole(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* -1: go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "factor", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			good = whole(optarg, &o->seed);
			break;
		case 't':
			good = number(optarg, &o->seconds);
			break;
		case 'f':
			good = number(optarg, &o->factor);
			break;
		case 'h':
			usage(stdout);
			return DONE;
		default:
			usage(stderr);
			return USAGE;
		}
		if (!good)
			fprintf(stderr, "medes-trace: \"%s\" is not a number that fits\n", optarg);
	}
	if (good && optind < argc)
		return -1;
	if (good)
		fputs("medes-trace: name at least one function\n", stderr);
	usage(stderr);
	return USAGE;
}

static int add(struct trace *trace, char *arg, const struct options *o)
{
	char *kind = strchr(arg, '=');
	int err;

	if (!kind) {
		fprintf(stderr, "medes-trace: %s: want FUNCTION=KIND\n", arg);
		return USAGE;
	}
	*kind++ = '\0';
	err = trace_add(trace, arg, kind, o->seed, o->seconds, o->factor);
	if (!err)
		return DONE;
	fprintf(stderr, "medes-trace: %s=%s: %s\n", arg, kind, err == -ENOENT ?
		"no such kind; medes-trace --help lists them" : strerror(-err));
	return err == -ENOMEM ? FAILED : USAGE;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .seconds = 480, .factor = 0.05 };
	struct trace trace = { 0 };
	int code = parse_options(argc, argv, &o), i;

	if (code >= 0)
		return code;
	code = DONE;
	for (i = optind; i < argc && code == DONE; i++)
		code = add(&trace, argv[i], &o);
	if (code == DONE) {
		trace_sort(&trace);
		printf("# arrivals of %u functions; seed %llu, %g s, factor %g\n", trace.n_names,
		       (unsigned long long)o.seed, o.seconds, o.factor);
		trace_write(&trace, stdout);
		code = fflush(stdout) ? FAILED : DONE;
	}
	trace_free(&trace);
	return code;
}
