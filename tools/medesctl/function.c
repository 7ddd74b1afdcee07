// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl function: what the controller runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "function.h"
#include "print.h"

static const struct view list_view = {
	.list = "functions",
	.nothing = "no functions; add one with: medesctl function add NAME -- COMMAND...",
	.columns = (const struct column[]) {
		{ "NAME", "name", TEXT },
		{ "DOMAIN", "domain", TEXT },
		{ "STARTING", "states.starting", COUNT },
		{ "RUNNING", "states.running", COUNT },
		{ "IDLE", "states.idle", COUNT },
		{ "DEDUP", "states.dedup", COUNT },
		{ "QUEUED", "queued", COUNT },
		{ "WARM", "invocations.warm", COUNT },
		{ "DEDUPED", "invocations.dedup", COUNT },
		{ "COLD", "invocations.cold", COUNT },
		{ "FAILED", "invocations.failed", COUNT },
		{ "REFUSED", "invocations.refused", COUNT },
		{ NULL, NULL, TEXT },
	},
};

static const struct view one_view = {
	.columns = (const struct column[]) {
		{ "function", "name", TEXT },
		{ "domain", "domain", TEXT },
		{ "starting", "states.starting", COUNT },
		{ "running", "states.running", COUNT },
		{ "idle, warm", "states.idle", COUNT },
		{ "deduplicating", "states.deduplicating", COUNT },
		{ "dedup", "states.dedup", COUNT },
		{ "restoring", "states.restoring", COUNT },
		{ "requests waiting", "queued", COUNT },
		{ "warm starts", "invocations.warm", COUNT },
		{ "dedup starts", "invocations.dedup", COUNT },
		{ "cold starts", "invocations.cold", COUNT },
		{ "failed", "invocations.failed", COUNT },
		{ "refused", "invocations.refused", COUNT },
		{ "repeated", "invocations.retried", COUNT },
		{ "next start in", "backoff_ms", SPAN_MS },
		{ "last failure", "error", TEXT },
		{ NULL, NULL, TEXT },
	},
};

/**
 * function_path() - where a function is
 * @path: receives it
 * @args: may name its domain
 * @name: the function
 * @behind: what follows the name
 *
 * Return: @path.
 */
char *function_path(char path[FUNCTION_PATH], const struct args *args, const char *name,
		    const char *behind)
{
	char coded[3 * MEDES_NAME_SIZE], domain[3 * MEDES_NAME_SIZE];
	bool given = args->given & OPT_DOMAIN;

	snprintf(path, FUNCTION_PATH, "/v1/functions%s%s%s%s%s", name ? "/" : "",
		 name ? client_name(coded, name) : "", behind, given ? "?domain=" : "",
		 given ? client_name(domain, args->domain) : "");
	return path;
}

/* The spec's file, with what the command line says over it. */
static json_t *make_spec(const struct args *args, const char *const *names, size_t n)
{
	json_error_t why;
	json_t *spec, *command;
	char *bundle;
	size_t i;

	spec = args->spec ? json_load_file(args->spec, JSON_REJECT_DUPLICATES, &why) : json_object();
	if (!json_is_object(spec)) {
		complain("%s: %s (line %d)", args->spec, spec ? "no JSON object" : why.text,
			 spec ? 1 : why.line);
		json_decref(spec);
		return NULL;
	}
	json_object_set_new(spec, "name", json_string(names[0]));
	if (args->given & OPT_BUNDLE) {
		json_object_set_new(spec, "runtime", json_string("oci"));
		/* one that is not there is medesd's to refuse */
		bundle = realpath(args->bundle, NULL);
		json_object_set_new(spec, "bundle", json_string(bundle ? bundle : args->bundle));
		free(bundle);
	}
	if (n == 1)
		return spec;
	command = json_array();
	for (i = 1; i < n; i++)
		json_array_append_new(command, json_string(names[i]));
	json_object_set_new(spec, "command", command);
	return spec;
}

static enum exit_code add(const struct args *args, const char *const *names, size_t n)
{
	json_t *body = make_spec(args, names, n);
	char path[FUNCTION_PATH];

	if (!body)
		return FAILED;
	body = client_call(args, "PUT", body, "%s", function_path(path, args, names[0], ""));
	if (!body)
		return FAILED;
	print_line(args, json_incref(body), "function %s, domain %s", names[0],
		   json_string_value(json_object_get(body, "domain")));
	json_decref(body);
	return DONE;
}

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	char path[FUNCTION_PATH];
	json_t *answer = client_call(args, "GET", NULL, "%s", function_path(path, args, NULL, ""));

	(void)names, (void)n;
	return answer ? print(args, answer, &list_view) : FAILED;
}

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	char path[FUNCTION_PATH];
	json_t *answer = client_call(args, "GET", NULL, "%s",
				     function_path(path, args, names[0], ""));

	(void)n;
	return answer ? print(args, answer, &one_view) : FAILED;
}

static enum exit_code remove_one(const struct args *args, const char *const *names, size_t n)
{
	char path[FUNCTION_PATH];
	json_t *answer = client_call(args, "DELETE", NULL, "%s",
				     function_path(path, args, names[0], ""));

	(void)n;
	if (!answer)
		return FAILED;
	print_line(args, answer, "function %s removed; its sandboxes end", names[0]);
	return DONE;
}

const struct command function_commands[] = {
	{
		"function", "add", "NAME [--spec FILE] [--bundle DIR] [--domain D] [-- COMMAND ARGUMENT...]",
		"add a function or change it; FILE is a spec in JSON; DIR is an OCI bundle, in whose container it runs",
		OPT_SPEC | OPT_BUNDLE | OPT_DOMAIN, 0, 1, WORDS_MAX, add,
	},
	{ "function", "list", "[--domain D]", "all functions", OPT_DOMAIN, 0, 0, 0, list },
	{ "function", "show", "NAME [--domain D]", "one function", OPT_DOMAIN, 0, 1, 1, show },
	{
		"function", "invoke", "NAME [--data TEXT|@FILE] [--path P] [--method M] [--domain D]",
		"send it a request, GET without data, and print the answer",
		OPT_DATA | OPT_PATH | OPT_METHOD | OPT_DOMAIN, 0, 1, 1, function_invoke,
	},
	{
		"function", "remove", "NAME [--domain D]", "remove it, and end its sandboxes",
		OPT_DOMAIN, 0, 1, 1, remove_one,
	},
	{ .object = NULL },
};
