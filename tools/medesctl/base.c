// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl base: through medesd, which plans the demarcation.
 */
#include <inttypes.h>
#include <string.h>
#include "client.h"
#include "print.h"
#include "text.h"

static const struct view list_view = {
	.list = "bases",
	.nothing = "no bases; make one with: medesctl base add SANDBOX",
	.columns = (const struct column[]) {
		{ "ID", "id", TEXT },
		{ "NAME", "name", TEXT },
		{ "FUNCTION", "function", TEXT },
		{ "DOMAIN", "domain", TEXT },
		{ "PAGES", "pages", COUNT },
		{ "USED", "used_pages", COUNT },
		{ "RECORDS", "users", COUNT },
		{ "MEMORY", "bytes", BYTES },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code add(const struct args *args, const char *const *names, size_t n)
{
	json_t *job = client_call(args, "POST", json_pack("{s:s,s:s*}", "sandbox", names[0], "name",
							  args->name), "/v1/bases");
	const char *state, *base;
	uint64_t pages, stored;
	char text[MEDES_TEXT_SIZE];
	bool done;

	(void)n;
	if (!job)
		return FAILED;
	job = client_follow(args, job);
	if (!job)
		return FAILED;
	state = json_string_value(json_object_get(job, "state"));
	base = json_string_value(json_object_get(job, "base_name"));
	pages = json_integer_value(json_object_get(job, "pages_demarcated"));
	stored = json_integer_value(json_object_get(job, "pages_stored"));
	done = state && !strcmp(state, "done");
	if (!done)
		complain("base of %s: %s", names[0],
			 json_string_value(json_object_get(job, "error")) ?: state);
	medes_text_duration(text, json_integer_value(json_object_get(job, "elapsed_ms")) * 1000000);
	if (args->json)
		print_line(args, json_incref(job), "%s", "");
	else if (base)
		print_line(args, NULL, "base %s: %" PRIu64 " pages; %" PRIu64
			   " pages of the sandbox stored in %s", base, pages, stored, text);
	else if (done)
		print_line(args, NULL, "no base was made: every page resembles one of the domain's bases; %"
			   PRIu64 " pages stored in %s", stored, text);
	json_decref(job);
	return done ? DONE : FAILED;
}

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = client_call(args, "GET", NULL, "/v1/bases");

	(void)names, (void)n;
	return answer ? print(args, answer, &list_view) : FAILED;
}

static enum exit_code remove_one(const struct args *args, const char *const *names, size_t n)
{
	char name[3 * MEDES_NAME_SIZE];
	json_t *answer = client_call(args, "DELETE", NULL, "/v1/bases/%s",
				     client_name(name, names[0]));

	(void)n;
	if (!answer)
		return FAILED;
	print_line(args, answer, "base %s removed", names[0]);
	return DONE;
}

const struct command base_commands[] = {
	{
		"base", "add", "NAME [--name BASE]",
		"make a base of what sandbox NAME has and no base of its domain has; waits for the end",
		OPT_NAME, 0, 1, 1, add,
	},
	{ "base", "list", "", "all bases", 0, 0, 0, 0, list },
	{ "base", "remove", "BASE", "drop a base that no page needs", 0, 0, 1, 1, remove_one },
	{ .object = NULL },
};
