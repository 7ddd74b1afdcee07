// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl settle: the module alone, as restore.
 */
#include <inttypes.h>
#include <string.h>
#include "json.h"
#include "link.h"
#include "print.h"
#include "text.h"

static enum exit_code report(const struct args *args, const char *name, const struct medes_op *op)
{
	char text[MEDES_TEXT_SIZE];

	if (op->state == MEDES_OP_STATE_FAILED)
		complain("settling %s failed: %s", name, strerror(-op->error));
	if (op->state == MEDES_OP_STATE_CANCELLED)
		complain("settling %s was cancelled", name);
	print_line(args, medes_json_op(op), "sandbox %s: %" PRIu64 " of %" PRIu64
		   " records got shorter in %s", name, op->stored, op->done,
		   medes_text_duration(text, op->elapsed_ns));
	return op->state == MEDES_OP_STATE_DONE ? DONE : FAILED;
}

static int start(struct medes_nl *nl, const char *name, uint32_t *op)
{
	struct medes_sandbox sandbox;
	int err = medes_sandbox_find(nl, name, &sandbox);

	if (!err)
		err = medes_settle(nl, sandbox.id, op);
	medes_sandbox_clear(&sandbox);
	if (err)
		complain("%s", nl->error);
	return err;
}

static enum exit_code settle(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_op op;
	uint32_t id;

	(void)n;
	if (!nl)
		return FAILED;
	if (start(nl, names[0], &id))
		goto out;
	if (!(args->given & OPT_WAIT)) {
		print_line(args, json_pack("{s:I}", "op", (json_int_t)id), "operation %u", id);
		code = DONE;
	} else if (!link_follow_op(nl, id, "settling", &op)) {
		code = report(args, names[0], &op);
	}
out:
	link_close(nl);
	return code;
}

const struct command settle_commands[] = {
	{
		"settle", NULL, "NAME [--wait]",
		"make the fast records of a sandbox again, densely: less memory, slower to bring back",
		OPT_WAIT, 0, 1, 1, settle,
	},
	{ .object = NULL },
};
