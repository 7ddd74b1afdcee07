// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/policy: which is in force, by which parameters; changing both while everything runs.
 */
#include "api.h"
#include "control.h"
#include "json.h"
#include "log.h"

static json_t *policy_json(const struct control *c)
{
	return json_pack("{s:s,s:s,s:s,s:o}", "policy", c->policy.ops->name,
			 "summary", c->policy.ops->summary, "policies", policy_names(),
			 "params", policy_params_json(&c->policy.params));
}

static void show(struct request *r)
{
	http_reply(r, HTTP_OK, policy_json(r->daemon->control));
}

/* All of them or none. False: refused, r is freed. */
static bool set_params(struct request *r, struct policy_params *params, json_t *given)
{
	char error[256];
	const char *name;
	json_t *value;

	json_object_foreach(given, name, value) {
		if (!json_is_string(value)) {
			http_refuse(r, 422, "params: \"%.80s\" must be a string", name);
			return false;
		}
		if (policy_params_set(params, name, json_string_value(value), error, sizeof(error))) {
			http_refuse(r, 422, "params: %s", error);
			return false;
		}
	}
	return true;
}

static void set(struct request *r)
{
	struct control *c = r->daemon->control;
	struct policy policy = c->policy;
	const char *name = NULL;
	json_t *params = NULL;
	const struct api_key keys[] = {
		{ "policy", JSON_STRING, .string = &name },
		{ "params", JSON_OBJECT, .array = &params },
	};

	if (!api_body(r, keys, ARRAY_SIZE(keys)))
		return;
	if (name && !policy_find(name)) {
		http_refuse(r, 422, "there is no policy \"%.80s\"; there are %s", name,
			    policy_names());
		return;
	}
	if (name)
		policy.ops = policy_find(name);
	if (params && !set_params(r, &policy.params, params))
		return;
	c->policy = policy;
	control_policy_changed(c);
	log_notice("the policy is %s", policy.ops->name);
	http_reply(r, HTTP_OK, policy_json(c));
}

const struct route api_policy_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/policy", show, ROUTE_TENANT },
	{ EVHTTP_REQ_PUT, "/v1/policy", set, 0 },
	{ 0, NULL, NULL, 0 },
};
