// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl sandbox: through medesd, which knows cgroups.
 */
#include "client.h"
#include "print.h"

static const struct view list_view = {
	.list = "sandboxes",
	.nothing = "no sandboxes; add one with: medesctl sandbox add NAME --pid PID",
	.columns = (const struct column[]) {
		{ "ID", "id", COUNT },
		{ "NAME", "name", TEXT },
		{ "FUNCTION", "function", TEXT },
		{ "DOMAIN", "domain", TEXT },
		{ "LIFE", "life", TEXT },
		{ "STATE", "state", TEXT },
		{ "ORIGINAL", "original_bytes", BYTES },
		{ "KEPT", "kept_bytes", BYTES },
		{ "SAVED", "saved_percent", PERCENT },
		{ "PIDS", "processes", LIST },
		{ NULL, NULL, TEXT },
	},
};

static const struct view one_view = {
	.columns = (const struct column[]) {
		{ "sandbox", "name", TEXT },
		{ "id", "id", COUNT },
		{ "domain", "domain", TEXT },
		{ "function", "function", TEXT },
		{ "state", "state", TEXT },
		{ "cgroup", "cgroup", TEXT },
		{ "pids", "processes", LIST },
		{ "deduplicated", "original_bytes", BYTES },
		{ "kept for them", "kept_bytes", BYTES },
		{ "saved", "saved_percent", PERCENT },
		{ "pages: zero", "stats.pages_zero", COUNT },
		{ "pages: same", "stats.pages_same", COUNT },
		{ "pages: words", "stats.pages_words", COUNT },
		{ "pages: dict", "stats.pages_dict", COUNT },
		{ "pages: self", "stats.pages_self", COUNT },
		{ "of them dense", "stats.pages_dense", COUNT },
		{ "pages: lost", "stats.pages_lost", COUNT },
		{ "pages: unreachable", "stats.pages_unreachable", COUNT },
		{ "refused: changed", "stats.refused_changed", COUNT },
		{ "refused: pinned", "stats.refused_pinned", COUNT },
		{ "refused: unsuited", "stats.refused_unsuited", COUNT },
		{ "refused: size", "stats.refused_size", COUNT },
		{ "refused: memory", "stats.refused_memory", COUNT },
		{ "huge pages split", "stats.thp_split", COUNT },
		{ "faults", "stats.faults", COUNT },
		{ "came with a fault", "stats.fault_around", COUNT },
		{ "time in faults", "stats.fault_ns", SPAN_NS },
		{ "time storing", "stats.store_ns", SPAN_NS },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code add(const struct args *args, const char *const *names, size_t n)
{
	json_t *body, *pids = NULL;
	size_t i;

	(void)n;
	if (args->cgroup && args->n_pids) {
		complain("give either --pid or --cgroup");
		return USAGE;
	}
	if (args->n_pids) {
		pids = json_array();
		for (i = 0; i < args->n_pids; i++)
			json_array_append_new(pids, json_integer(args->pids[i]));
	}
	body = json_pack("{s:s,s:s*,s:s*,s:s*,s:o*,s:b}", "name", names[0], "cgroup", args->cgroup,
			 "domain", args->domain, "function", args->function, "pids", pids,
			 "attach", !!(args->given & OPT_ATTACH));
	if (!body) {
		complain("names and paths must be UTF-8");
		return USAGE;
	}
	body = client_call(args, "POST", body, "/v1/sandboxes");
	if (!body)
		return FAILED;
	print_line(args, json_incref(body), "sandbox %s: %zu processes, domain %s", names[0],
		   json_array_size(json_object_get(body, "processes")),
		   json_string_value(json_object_get(body, "domain")));
	json_decref(body);
	return DONE;
}

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = client_call(args, "GET", NULL, "/v1/sandboxes");

	(void)names, (void)n;
	return answer ? print(args, answer, &list_view) : FAILED;
}

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	char name[3 * MEDES_NAME_SIZE];
	json_t *answer = client_call(args, "GET", NULL, "/v1/sandboxes/%s",
				     client_name(name, names[0]));

	(void)n;
	return answer ? print(args, answer, &one_view) : FAILED;
}

static enum exit_code remove_one(const struct args *args, const char *const *names, size_t n)
{
	char name[3 * MEDES_NAME_SIZE];
	json_t *answer = client_call(args, "DELETE", NULL, "/v1/sandboxes/%s",
				     client_name(name, names[0]));

	(void)n;
	if (!answer)
		return FAILED;
	print_line(args, answer, "sandbox %s removed; its deduplicated pages come back when touched",
		   names[0]);
	return DONE;
}

const struct command sandbox_commands[] = {
	{
		"sandbox", "add",
		"NAME --pid PID... | --cgroup PATH [--domain D] [--function F] [--attach]",
		"take processes in as a sandbox; without --domain it shares with nobody",
		OPT_PID | OPT_CGROUP | OPT_DOMAIN | OPT_FUNCTION | OPT_ATTACH,
		OPT_PID | OPT_CGROUP, 1, 1, add,
	},
	{ "sandbox", "list", "", "all sandboxes", 0, 0, 0, 0, list },
	{ "sandbox", "show", "NAME", "one sandbox, with its counters", 0, 0, 1, 1, show },
	{ "sandbox", "remove", "NAME", "forget it; its processes go on", 0, 0, 1, 1, remove_one },
	{ .object = NULL },
};
