// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the handlers share: reading bodies, checking names, finding sandboxes. Each
 * of these refuses the request itself when it has to, and frees it then.
 */
#include <string.h>
#include "api.h"
#include "ops.h"
#include "text.h"

const struct route *const api_tables[] = {
	api_sandbox_routes, api_base_routes, api_job_routes, api_status_routes,
	api_function_routes, api_invoke_routes, api_lease_routes, api_adopt_routes,
	api_policy_routes, api_metrics_routes, api_node_routes, api_cluster_routes,
	api_obey_routes, api_controller_routes,
};

const size_t api_n_tables = ARRAY_SIZE(api_tables);

static bool fits(json_t *value, json_type type)
{
	return type == JSON_TRUE ? json_is_boolean(value) : json_typeof(value) == type;
}

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	case JSON_INTEGER:
		return "a number";
	default:
		return "true or false";
	}
}

static void take_value(const struct api_key *key, json_t *value)
{
	if (key->type == JSON_STRING)
		*key->string = json_string_value(value);
	else if (key->type == JSON_ARRAY || key->type == JSON_OBJECT)
		*key->array = value;
	else if (key->type == JSON_INTEGER)
		*key->integer = json_integer_value(value);
	else
		*key->boolean = json_is_true(value);
}

/**
 * api_body() - take a body's values
 * @r: the request
 * @keys: what the body may have; values point into it
 * @n: how many keys
 *
 * Return: false when the body has something else; r is refused and freed then.
 */
bool api_body(struct request *r, const struct api_key *keys, size_t n)
{
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach(r->body, name, value) {
		for (i = 0; i < n && strcmp(keys[i].name, name); i++)
			;
		if (i == n) {
			http_refuse(r, 422, "this request knows no key \"%.80s\"", name);
			return false;
		}
		if (!fits(value, keys[i].type)) {
			http_refuse(r, 422, "\"%s\" must be %s", name, type_name(keys[i].type));
			return false;
		}
		take_value(&keys[i], value);
	}
	return true;
}

/**
 * api_name() - check a name that came in
 * @r: the request, refused and freed when it is not good
 * @what: what it is the name of
 * @name: the name, or NULL when it is absent
 */
bool api_name(struct request *r, const char *what, const char *name)
{
	if (name && medes_name_valid(name))
		return true;
	if (name)
		http_refuse(r, 422,
			    "\"%.80s\" is no name for a %s: want 1 to %u letters, digits and ._:@+-, the first no . or -",
			    name, what, MEDES_NAME_MAX);
	else
		http_refuse(r, 422, "the %s has no name", what);
	return false;
}

/**
 * api_find_sandbox() - the sandbox that a request is about
 * @r: the request, refused and freed when there is none
 * @nl: socket for requests
 * @name: its name
 * @out: the sandbox, to be cleared by the caller
 */
bool api_find_sandbox(struct request *r, struct medes_nl *nl, const char *name,
		      struct medes_sandbox *out)
{
	int err = medes_sandbox_find(nl, name, out);

	if (err)
		http_refuse_errno(r, err, nl->error);
	return !err;
}
