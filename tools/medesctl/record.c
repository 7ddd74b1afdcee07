// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl record: where the page of an address is, and what is kept of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "json.h"
#include "link.h"
#include "print.h"
#include "text.h"

static const struct view view = {
	.columns = (const struct column[]) {
		{ "address", "address", TEXT },
		{ "address space", "mm", COUNT },
		{ "where", "place", TEXT },
		{ "encoding", "encoding", TEXT },
		{ "encoded bytes", "len", COUNT },
		{ "base", "base", TEXT },
		{ "page of the base", "index", COUNT },
		{ NULL, NULL, TEXT },
	},
};

static int parse_address(const char *text, uint64_t *address)
{
	char *end;

	errno = 0;
	*address = strtoull(text, &end, 0);
	if (*text >= '0' && *text <= '9' && !*end && !errno)
		return 0;
	complain("\"%s\" is no address; want a number, hexadecimal after 0x", text);
	return -EINVAL;
}

static enum exit_code record(const struct args *args, const char *const *names, size_t n)
{
	enum exit_code code = FAILED;
	struct medes_sandbox sandbox;
	struct medes_record found;
	struct medes_nl *nl;
	uint64_t address;

	(void)n;
	if (parse_address(names[1], &address))
		return USAGE;
	nl = link_open();
	if (!nl)
		return FAILED;
	if (medes_sandbox_find(nl, names[0], &sandbox) ||
	    medes_record_get(nl, sandbox.id, 0, address, &found)) {
		complain("%s", nl->error);
		goto out;
	}
	if (found.lost)
		complain("the page is lost: its record does not give it back");
	code = print(args, medes_json_record(&found), &view);
out:
	medes_sandbox_clear(&sandbox);
	link_close(nl);
	return code;
}

const struct command record_commands[] = {
	{
		"record", NULL, "NAME ADDRESS", "where a sandbox's page is and what is kept of it",
		0, 0, 2, 2, record,
	},
	{ .object = NULL },
};
