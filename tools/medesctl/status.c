// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl status: medesd as a whole.
 */
#include "client.h"
#include "print.h"

static const struct view view = {
	.columns = (const struct column[]) {
		{ "medesd", "version", TEXT },
		{ "module", "module", TEXT },
		{ "functions", "functions", COUNT },
		{ "sandboxes", "sandboxes", COUNT },
		{ "watched", "watching.sandboxes", COUNT },
		{ "watched by", "watching.source", TEXT },
		{ "not by eBPF, since", "watching.why", TEXT },
		{ "bases in the registry", "registry.bases", COUNT },
		{ "their pages", "registry.pages", COUNT },
		{ "memory of the registry", "registry.bytes", BYTES },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code status(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = client_call(args, "GET", NULL, "/v1/status");

	(void)names, (void)n;
	return answer ? print(args, answer, &view) : FAILED;
}

const struct command status_commands[] = {
	{ "status", NULL, "", "medesd as a whole", 0, 0, 0, 0, status },
	{ .object = NULL },
};
