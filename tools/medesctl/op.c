// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl op: the module's operations.
 */
#include <stdio.h>
#include "json.h"
#include "link.h"
#include "print.h"

static const struct view list_view = {
	.list = "ops",
	.nothing = "no operation runs or ended lately",
	.columns = (const struct column[]) {
		{ "ID", "id", COUNT },
		{ "KIND", "kind", TEXT },
		{ "STATE", "state", TEXT },
		{ "SANDBOX", "sandbox", COUNT },
		{ "MM", "mm", COUNT },
		{ "TOTAL", "total", COUNT },
		{ "DONE", "done", COUNT },
		{ "STORED", "stored", COUNT },
		{ "LOST", "lost", COUNT },
		{ "TIME", "elapsed_ns", SPAN_NS },
		{ "ERROR", "error", TEXT },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_op_list ops;
	json_t *array;
	size_t i;

	(void)names, (void)n;
	if (!nl)
		return FAILED;
	if (medes_op_list(nl, &ops)) {
		complain("%s", nl->error);
	} else {
		array = json_array();
		for (i = 0; i < ops.n; i++)
			json_array_append_new(array, medes_json_op(&ops.v[i]));
		medes_op_list_clear(&ops);
		code = print(args, json_pack("{s:o}", "ops", array), &list_view);
	}
	link_close(nl);
	return code;
}

static enum exit_code cancel(const struct args *args, const char *const *names, size_t n)
{
	enum exit_code code = DONE;
	struct medes_nl *nl;
	unsigned int id;
	char rest;

	(void)n;
	if (sscanf(names[0], "%10u%c", &id, &rest) != 1 || !id) {
		complain("\"%s\" is no operation's id", names[0]);
		return USAGE;
	}
	nl = link_open();
	if (!nl)
		return FAILED;
	if (medes_op_cancel(nl, id)) {
		complain("operation %u: %s", id, nl->error);
		code = FAILED;
	} else {
		print_line(args, json_object(), "operation %u ends after the batch at hand", id);
	}
	link_close(nl);
	return code;
}

const struct command op_commands[] = {
	{ "op", "list", "", "operations that run or ended lately", 0, 0, 0, 0, list },
	{ "op", "cancel", "ID", "stop an operation", 0, 0, 1, 1, cancel },
	{ .object = NULL },
};
