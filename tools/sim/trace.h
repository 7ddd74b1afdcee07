/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrival traces: which function is called when. Made from a seed, or read from a file, so
 * that the simulator and a machine get the very same one.
 *
 * The file has a line per request, "SECONDS FUNCTION", in order of time; lines that
 * begin with # are comments.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_NAME 49
#define TRACE_FUNCTIONS 256

struct arrival {
	uint64_t at;			/* us from the begin */
	unsigned int function;
	unsigned int order;		/* as it was made, for equal times */
};

struct trace {
	struct arrival *v;
	size_t n;
	size_t room;
	char names[TRACE_FUNCTIONS][TRACE_NAME];
	unsigned int n_names;
};

/* How a function is called; periods before the factor. */
struct arrival_kind {
	const char *name;
	const char *words;
};

extern const struct arrival_kind arrival_kinds[];	/* ends with name NULL */

/* All return 0 or a negative errno, the reason in error where there is one. */
int trace_add(struct trace *trace, const char *name, const char *kind, uint64_t seed,
	      double seconds, double factor);
void trace_sort(struct trace *trace);
int trace_read(struct trace *trace, FILE *file, char *error, size_t size);
void trace_write(const struct trace *trace, FILE *file);
void trace_free(struct trace *trace);

#endif /* SIM_TRACE_H */
