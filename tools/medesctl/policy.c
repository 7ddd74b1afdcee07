// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl policy: what decides over idle sandboxes, and why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "function.h"
#include "print.h"

static void print_policy(const struct args *args, json_t *answer)
{
	json_t *params = json_object_get(answer, "params"), *value;
	const char *name;
	char *text;

	if (args->json) {
		print_line(args, answer, "%s", "");
		return;
	}
	printf("%-16s %s\n", "policy", json_string_value(json_object_get(answer, "policy")));
	printf("%-16s %s\n", "there are", json_string_value(json_object_get(answer, "policies")));
	json_object_foreach(params, name, value) {
		text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY |
								 JSON_REAL_PRECISION(6));
		printf("%-16s %s\n", name, text ? text : json_string_value(value));
		free(text);
	}
	json_decref(answer);
}

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = client_call(args, "GET", NULL, "/v1/policy");

	(void)names, (void)n;
	if (!answer)
		return FAILED;
	print_policy(args, answer);
	return DONE;
}

/* A name without "=" is the policy's, the others are parameters. */
static enum exit_code set(const struct args *args, const char *const *names, size_t n)
{
	json_t *body = json_object(), *params = json_object();
	const char *equals;
	char key[64];
	size_t i;

	for (i = 0; i < n; i++) {
		equals = strchr(names[i], '=');
		if (equals) {
			snprintf(key, sizeof(key), "%.*s", (int)(equals - names[i]), names[i]);
			json_object_set_new(params, key, json_string(equals + 1));
		} else {
			json_object_set_new(body, "policy", json_string(names[i]));
		}
	}
	json_object_set_new(body, "params", params);
	body = client_call(args, "PUT", body, "/v1/policy");
	if (!body)
		return FAILED;
	print_policy(args, body);
	return DONE;
}

static enum exit_code explain(const struct args *args, const char *const *names, size_t n)
{
	char path[FUNCTION_PATH];
	json_t *answer = client_call(args, "GET", NULL, "%s",
				     function_path(path, args, names[0], "/explain"));

	(void)n;
	if (!answer)
		return FAILED;
	if (args->json) {
		print_line(args, answer, "%s", "");
		return DONE;
	}
	fputs(json_string_value(json_object_get(answer, "text")), stdout);
	json_decref(answer);
	return DONE;
}

const struct command policy_commands[] = {
	{ "policy", "show", "", "the policy in force, and its parameters", 0, 0, 0, 0, show },
	{
		"policy", "set", "[POLICY] [KEY=VALUE...]",
		"change it until medesd ends; medesd.conf holds what is to last", 0, 0, 1, 32, set,
	},
	{
		"policy", "explain", "FUNCTION [--domain D]",
		"the numbers and the decision for a function, in words", OPT_DOMAIN, 0, 1, 1, explain,
	},
	{ .object = NULL },
};
