// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/functions: adding, changing, listing, removing, explaining. A function belongs to
 * a domain; a token sees its own, an administrator names one.
 */
#include <errno.h>
#include <string.h>
#include "api.h"
#include "function.h"
#include "json.h"
#include "runtime.h"
#include "steer.h"
#include "text.h"

#define DOMAIN_DEFAULT "default"

/**
 * api_domain() - the domain that a request is about
 * @r: the request, refused and freed when it may not name that one
 * @domain: receives it; empty: all, if that is allowed
 * @all: an administrator who names none means all
 */
bool api_domain(struct request *r, char domain[MEDES_NAME_SIZE], bool all)
{
	const char *given = http_query(r, "domain", domain, MEDES_NAME_SIZE);

	if (given && !medes_name_valid(given)) {
		http_refuse(r, 422, "\"%.80s\" is no name of a domain", given);
		return false;
	}
	if (r->admin) {
		if (!given)
			strcpy(domain, all ? "" : DOMAIN_DEFAULT);
		return true;
	}
	if (given && strcmp(given, r->domain)) {
		http_refuse(r, 403, "this token is of the domain \"%s\"", r->domain);
		return false;
	}
	strcpy(domain, r->domain);
	return true;
}

/* The function of that domain in the path. NULL: refused, r is freed. */
struct function *api_function_of(struct request *r, const char *domain)
{
	struct function *f = function_find(r->daemon->control, domain, r->arg);

	if (!f)
		http_refuse(r, HTTP_NOTFOUND, "the domain \"%s\" has no function \"%s\"", domain,
			    r->arg);
	return f;
}

/* The function in the path. NULL: refused, r is freed. */
struct function *api_function(struct request *r)
{
	char domain[MEDES_NAME_SIZE];

	return api_domain(r, domain, false) ? api_function_of(r, domain) : NULL;
}

static void list(struct request *r)
{
	char domain[MEDES_NAME_SIZE];
	struct function *f;
	json_t *array;

	if (!api_domain(r, domain, true))
		return;
	array = json_array();
	for (f = r->daemon->control->functions; f; f = f->hh.next)
		if (!*domain || !strcmp(domain, f->domain))
			json_array_append_new(array, api_function_json(r->daemon, f));
	http_reply(r, HTTP_OK, json_pack("{s:o}", "functions", array));
}

static void show(struct request *r)
{
	struct function *f = api_function(r);

	if (f)
		http_reply(r, HTTP_OK, api_function_json(r->daemon, f));
}

/* What only administrators may say. */
static bool may_have(struct request *r, const struct spec *spec)
{
	if (r->admin || (spec->uid < 0 && spec->gid < 0 && !spec->bundle))
		return true;
	http_refuse(r, 403, "uid, gid and bundle are for administrators");
	return false;
}

/* Its runtime may want more than the spec. */
static bool can_run(struct request *r, const struct spec *spec)
{
	const struct runtime *runtime = runtime_find(spec->runtime);
	char error[CONTROL_ERROR] = "there is no such runtime";

	if (runtime && !runtime->check(spec, error))
		return true;
	http_refuse(r, 422, "%s", error);
	return false;
}

/* Both the file and the function, or neither. */
static void save(struct request *r, const char *domain, struct spec *spec, int status)
{
	struct daemon *d = r->daemon;
	char name[MEDES_NAME_SIZE];

	strcpy(name, spec->name);
	if (!sync_put(d, domain, spec))
		http_reply(r, status, function_json(function_find(d->control, domain, name)));
	else
		http_refuse_later(r, HTTP_SERVUNAVAIL, 10,
				  "the function cannot be stored (State= of medesd.conf); see the log");
}

/* True: the cluster's controller has it in hand. */
static bool passed_on(struct request *r, const char *domain, const char *name, json_t *spec,
		      bool create)
{
	json_t *body = json_pack("{s:s,s:s,s:b}", "domain", domain, "name", name, "create", create);

	if (spec)
		json_object_set(body, "spec", spec);
	return api_elsewhere(r, "/v1/cluster/function", body);
}

/* name: as the path has it; NULL: there must be none of that name. */
static void put_spec(struct request *r, const char *name)
{
	char domain[MEDES_NAME_SIZE], error[SPEC_ERROR];
	struct spec spec = { 0 };
	bool there;

	if (!api_domain(r, domain, false))
		return;
	if (name && !json_object_get(r->body, "name"))
		json_object_set_new(r->body, "name", medes_json_text(name));
	if (spec_parse(&spec, r->body, error)) {
		http_refuse(r, 422, "%s", error);
		return;
	}
	there = function_find(r->daemon->control, domain, spec.name);
	if (name && strcmp(name, spec.name)) {
		http_refuse(r, 422, "the spec's name is \"%s\", the path's \"%s\"", spec.name, name);
	} else if (!name && there) {
		http_refuse(r, 409, "the domain \"%s\" has a function \"%s\" already; change it with PUT",
			    domain, spec.name);
	} else if (may_have(r, &spec) && can_run(r, &spec) &&
		   !passed_on(r, domain, spec.name, spec.json, !name)) {
		save(r, domain, &spec, there ? HTTP_OK : 201);
		return;
	}
	spec_clear(&spec);
}

static void create(struct request *r)
{
	put_spec(r, NULL);
}

static void put(struct request *r)
{
	put_spec(r, r->arg);
}

/* Whether it is here or not: it may have been added elsewhere a moment ago. */
static void remove_one(struct request *r)
{
	char domain[MEDES_NAME_SIZE];
	struct function *f;
	int err;

	if (!api_domain(r, domain, false) ||
	    (medes_name_valid(r->arg) && passed_on(r, domain, r->arg, NULL, false)))
		return;
	f = api_function_of(r, domain);
	if (!f)
		return;
	err = sync_remove(r->daemon, f->domain, f->spec.name);
	if (err)
		http_refuse_errno(r, err, strerror(-err));
	else
		http_reply(r, HTTP_OK, json_object());
}

static void explain(struct request *r)
{
	char domain[MEDES_NAME_SIZE];
	struct function *f;

	if (!api_domain(r, domain, false) ||
	    (medes_name_valid(r->arg) &&
	     api_elsewhere(r, "/v1/cluster/explain",
			   json_pack("{s:s,s:s}", "domain", domain, "name", r->arg))))
		return;
	f = api_function_of(r, domain);
	if (f)
		http_reply(r, HTTP_OK, r->daemon->steer ? oversee_explain(r->daemon->steer, f) :
							  life_explain(r->daemon->control, f));
}

const struct route api_function_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/functions", list, ROUTE_TENANT },
	{ EVHTTP_REQ_POST, "/v1/functions", create, ROUTE_TENANT },
	{ EVHTTP_REQ_GET, "/v1/functions/*", show, ROUTE_TENANT },
	{ EVHTTP_REQ_PUT, "/v1/functions/*", put, ROUTE_TENANT },
	{ EVHTTP_REQ_DELETE, "/v1/functions/*", remove_one, ROUTE_TENANT },
	{ EVHTTP_REQ_GET, "/v1/functions/*/explain", explain, ROUTE_TENANT },
	{ 0, NULL, NULL, 0 },
};
