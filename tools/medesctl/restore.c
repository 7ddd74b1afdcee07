// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl restore: the module alone, so that it works when medesd does not.
 */
#include <inttypes.h>
#include <string.h>
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
		"restore", NULL, "NAME|--all [--wait]",
		"bring the pages of a sandbox back, or all pages of the module",
		OPT_ALL | OPT_WAIT, 0, 1, 1, restore,
	},
	{ .object = NULL },
};
