// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What medesctl top says of functions: their sandboxes by state, their memory, and per second
 * how requests start.
 */
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "top.h"

const struct view top_function_view = {
	.list = "functions",
	.nothing = "no function",
	.columns = (const struct column[]) {
		{ "FUNCTION", "name", TEXT },
		{ "DOMAIN", "domain", TEXT },
		{ "STARTING", "states.starting", COUNT },
		{ "RUNNING", "states.running", COUNT },
		{ "IDLE", "states.idle", COUNT },
		{ "DEDUP", "states.dedup", COUNT },
		{ "QUEUED", "queued", COUNT },
		{ "MEMORY", "memory_bytes", BYTES },
		{ "WARM/S", "warm_per_s", COUNT },
		{ "DEDUP/S", "dedup_per_s", COUNT },
		{ "COLD/S", "cold_per_s", COUNT },
		{ "FAILED/S", "failed_per_s", COUNT },
		{ NULL, NULL, TEXT },
	},
};

static const char *text_of(json_t *function, const char *key)
{
	const char *text = json_string_value(json_object_get(function, key));

	return text ? text : "";
}

static json_t *find(json_t *functions, json_t *like)
{
	json_t *function;
	size_t i;

	json_array_foreach(functions, i, function)
		if (!strcmp(text_of(function, "name"), text_of(like, "name")) &&
		    !strcmp(text_of(function, "domain"), text_of(like, "domain")))
			return function;
	return NULL;
}

static json_int_t count(json_t *function, const char *kind)
{
	return json_integer_value(json_object_get(json_object_get(function, "invocations"), kind));
}

static void add_rates(json_t *now, json_t *before, double seconds)
{
	static const char *const kinds[][2] = {
		{ "warm", "warm_per_s" }, { "dedup", "dedup_per_s" }, { "cold", "cold_per_s" },
		{ "failed", "failed_per_s" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		json_object_set_new(now, kinds[i][1], !before ? json_null() :
			json_integer((count(now, kinds[i][0]) - count(before, kinds[i][0])) / seconds + 0.5));
}

/**
 * top_functions() - all functions, as they are now
 * @args: names medesd's socket
 * @before: what this returned the last time, or NULL: no rates then
 * @seconds: ago
 *
 * Return: an array; NULL when medesd does not answer, of which nothing is said.
 */
json_t *top_functions(const struct args *args, json_t *before, double seconds)
{
	static const struct client_request request = { .method = "GET", .path = "/v1/functions" };
	struct client_answer answer;
	json_t *value, *functions, *function;
	size_t i;

	if (client_exchange(args, &request, &answer))
		return NULL;
	value = json_loadb(answer.body, answer.len, 0, NULL);
	functions = json_incref(json_object_get(value, "functions"));
	json_decref(value);
	free(answer.text);
	json_array_foreach(functions, i, function)
		add_rates(function, find(before, function), seconds);
	return functions;
}
