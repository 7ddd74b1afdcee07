// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl lease: who reads this node's bases.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "link.h"
#include "print.h"
#include "share.h"

static const struct view list_view = {
	.list = "leases",
	.nothing = "no leases: nobody reads this node's bases",
	.columns = (const struct column[]) {
		{ "BASE", "base", TEXT },
		{ "NODE", "node", TEXT },
		{ "NODE-ID", "node_id", TEXT },
		{ "LEFT", "left_ms", SPAN_MS },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_leases leases;
	json_t *array;
	size_t i;

	(void)names, (void)n;
	if (!nl)
		return FAILED;
	if (medes_lease_list(nl, &leases)) {
		complain("%s", nl->error);
	} else {
		array = json_array();
		for (i = 0; i < leases.n; i++)
			json_array_append_new(array, medes_json_lease(&leases.v[i]));
		code = print(args, json_pack("{s:o}", "leases", array), &list_view);
		medes_leases_clear(&leases);
	}
	link_close(nl);
	return code;
}

static enum exit_code end(const struct args *args, const char *const *names, size_t n)
{
	enum exit_code code = FAILED;
	struct medes_nl *nl;
	uint64_t id;
	char *rest;

	(void)n;
	errno = 0;
	id = strtoull(names[0], &rest, 0);
	if (*names[0] < '0' || *names[0] > '9' || *rest || errno || !id) {
		complain("\"%s\" is no node id; \"medesctl lease list\" shows them", names[0]);
		return USAGE;
	}
	nl = link_open();
	if (!nl)
		return FAILED;
	if (medes_lease_del(nl, id)) {
		complain("%s", nl->error);
	} else {
		print_line(args, NULL, "the leases of node 0x%" PRIx64 " are ended", id);
		code = DONE;
	}
	link_close(nl);
	return code;
}

const struct command lease_commands[] = {
	{ "lease", "list", "", "who reads this node's bases, and how long without asking again",
	  0, 0, 0, 0, list },
	{ "lease", "end", "NODE-ID", "end all leases of a node that will not come back",
	  0, 0, 1, 1, end },
	{ .object = NULL },
};
