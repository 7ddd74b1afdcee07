// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl restore: the module alone, so that it works when medesd does not; a
 * working set by a job of medesd, which is who decides what wakes up.
 */
#include <inttypes.h>
#include <string.h>
#include "client.h"
#include "json.h"
#include "link.h"
#include "print.h"
#include "text.h"

/* Queue the restore of a sandbox, or of everything. */
static int start(struct medes_nl *nl, const char *name, uint32_t *op)
{
	struct medes_sandbox sandbox = { 0 };
	int err = name ? medes_sandbox_find(nl, name, &sandbox) : 0;

	if (!err)
		err = medes_restore(nl, sandbox.id, op);
	medes_sandbox_clear(&sandbox);
	if (err)
		complain("%s", nl->error);
	return err;
}

static enum exit_code report(const struct args *args, const struct medes_op *op)
{
	char text[MEDES_TEXT_SIZE];

	if (op->state == MEDES_OP_STATE_FAILED)
		complain("the restore failed: %s", strerror(-op->error));
	if (op->state == MEDES_OP_STATE_CANCELLED)
		complain("the restore was cancelled");
	if (op->lost)
		complain("%" PRIu64 " pages could not be rebuilt; see: medesctl diagnose",
			 op->lost);
	print_line(args, medes_json_op(op), "%" PRIu64 " pages brought back in %s", op->stored,
		   medes_text_duration(text, op->elapsed_ns));
	return op->state == MEDES_OP_STATE_DONE && !op->lost ? DONE : FAILED;
}

static enum exit_code report_job(const struct args *args, const char *name, json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));
	const char *error = json_string_value(json_object_get(job, "error"));
	uint64_t back = json_integer_value(json_object_get(job, "pages_stored"));
	char text[MEDES_TEXT_SIZE];
	bool done = state && !strcmp(state, "done");

	medes_text_duration(text, json_integer_value(json_object_get(job, "elapsed_ms")) * 1000000);
	if (!done)
		complain("restore of %s: %s", name, error ? error : state);
	if (args->json || done)
		print_line(args, job, "sandbox %s: %" PRIu64 " pages of its working set brought back in %s",
			   name, back, text);
	else
		json_decref(job);
	return done ? DONE : FAILED;
}

static enum exit_code restore_set(const struct args *args, const char *name)
{
	char escaped[3 * MEDES_NAME_SIZE];
	json_t *job = client_call(args, "POST", json_pack("{s:b}", "working_set", 1),
				  "/v1/sandboxes/%s/restore", client_name(escaped, name));

	if (!job)
		return FAILED;
	if (args->given & OPT_WAIT) {
		job = client_follow(args, job);
		return job ? report_job(args, name, job) : FAILED;
	}
	print_line(args, json_incref(job), "job %" JSON_INTEGER_FORMAT,
		   json_integer_value(json_object_get(job, "job")));
	json_decref(job);
	return DONE;
}

static enum exit_code restore(const struct args *args, const char *const *names, size_t n)
{
	enum exit_code code = FAILED;
	struct medes_nl *nl;
	struct medes_op op;
	uint32_t id;

	if (!n == !(args->given & OPT_ALL)) {
		complain("give either a sandbox's name or --all");
		return USAGE;
	}
	if (args->given & OPT_WORKING_SET) {
		if (n)
			return restore_set(args, names[0]);
		complain("--working-set goes with a sandbox's name");
		return USAGE;
	}
	nl = link_open();
	if (!nl)
		return FAILED;
	if (start(nl, n ? names[0] : NULL, &id))
		goto out;
	if (!(args->given & OPT_WAIT)) {
		print_line(args, json_pack("{s:I}", "op", (json_int_t)id), "operation %u", id);
		code = DONE;
	} else if (!link_follow_op(nl, id, "restoring", &op)) {
		code = report(args, &op);
	}
out:
	link_close(nl);
	return code;
}

const struct command restore_commands[] = {
	{
		"restore", NULL, "NAME|--all [--working-set] [--wait]",
		"bring the pages of a sandbox back, those that it used lately, or all of the module",
		OPT_ALL | OPT_WAIT | OPT_WORKING_SET, 0, 1, 1, restore,
	},
	{ .object = NULL },
};
