/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a user says about a function.
 */
#ifndef MEDESD_SPEC_H
#define MEDESD_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include "medes.h"

#define SPEC_ERROR 512

/* leaves room for "-" and a serial number in the names of its sandboxes */
#define SPEC_NAME_MAX 48

/* Zeroed: empty. */
struct spec {
	char name[MEDES_NAME_SIZE];
	json_t *json;			/* as it was given: what is shown and stored */

	/* point into json; NULL: absent */
	const json_t *command;		/* an array; of a bundle, instead of its own */
	const json_t *env;		/* an object */
	const json_t *policy;		/* an object: parameters of its own */
	const char *runtime;		/* by name, see runtime.h */
	const char *bundle;		/* directory; NULL: not in a container */
	const char *directory;
	const char *ready_path;		/* empty: the open port is enough */

	int64_t uid, gid;		/* -1: the configured ones */
	uint64_t memory;		/* bytes; 0: no limit */
	unsigned int cpu_percent;	/* 0: no limit */
	unsigned int pids;		/* 0: no limit */
	unsigned int concurrency;
	unsigned int max_sandboxes;
	unsigned int start_timeout;	/* ms */
	unsigned int request_timeout;	/* ms */
	unsigned int queue_length;
	unsigned int queue_timeout;	/* ms */
	bool idempotent;
};

/* Returns 0, or -EINVAL with the reason in error, and spec is as it was. */
int spec_parse(struct spec *spec, json_t *body, char error[SPEC_ERROR]);
void spec_clear(struct spec *spec);

/* Can we start it? Otherwise sandboxes are adopted only. */
static inline bool spec_starts(const struct spec *spec)
{
	return spec->command || spec->bundle;
}

#endif /* MEDESD_SPEC_H */
