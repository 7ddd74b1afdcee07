// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl dedup: a job of medesd.
 */
#include <inttypes.h>
#include <string.h>
#include "client.h"
#include "print.h"
#include "text.h"

/* The job's end for people. */
static enum exit_code report(const struct args *args, const char *name, json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));
	const char *error = json_string_value(json_object_get(job, "error"));
	uint64_t scanned = json_integer_value(json_object_get(job, "pages_scanned"));
	uint64_t stored = json_integer_value(json_object_get(job, "pages_stored"));
	char text[MEDES_TEXT_SIZE];
	bool done = state && !strcmp(state, "done");

	medes_text_duration(text, json_integer_value(json_object_get(job, "elapsed_ms")) * 1000000);
	if (!done)
		complain("dedup of %s: %s", name, error ? error : state);
	if (args->json || done)
		print_line(args, job, "sandbox %s: %" PRIu64 " of %" PRIu64 " pages stored in %s",
			   name, stored, scanned, text);
	else
		json_decref(job);
	return done ? DONE : FAILED;
}

static enum exit_code dedup(const struct args *args, const char *const *names, size_t n)
{
	char name[3 * MEDES_NAME_SIZE];
	json_t *job = client_call(args, "POST", NULL, "/v1/sandboxes/%s/dedup",
				  client_name(name, names[0]));

	(void)n;
	if (!job)
		return FAILED;
	if (args->given & OPT_WAIT) {
		job = client_follow(args, job);
		return job ? report(args, names[0], job) : FAILED;
	}
	print_line(args, json_incref(job), "job %" JSON_INTEGER_FORMAT,
		   json_integer_value(json_object_get(job, "job")));
	json_decref(job);
	return DONE;
}

const struct command dedup_commands[] = {
	{
		"dedup", NULL, "NAME [--wait]",
		"deduplicate a sandbox's pages; prints a job number, or the result with --wait",
		OPT_WAIT, 0, 1, 1, dedup,
	},
	{ .object = NULL },
};
