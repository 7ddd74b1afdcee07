// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What only the cluster's controller knows or may change: /v1/controller, and what a node that
 * is asked for it passes on to that one.
 */
#include <errno.h>
#include <string.h>
#include "api.h"
#include "front.h"
#include "function.h"
#include "json.h"
#include "leases.h"
#include "nodes.h"
#include "obey.h"
#include "steer.h"
#include "text.h"

/**
 * api_elsewhere() - is this the controller's to do, and is that another daemon
 * @r: the request
 * @path: there
 * @body: to be sent, whose reference is taken
 *
 * Return: true: r is answered and freed, maybe later.
 */
bool api_elsewhere(struct request *r, const char *path, json_t *body)
{
	struct daemon *d = r->daemon;
	const char *controller;
	const struct node *node;

	if (!d->steer || steer_leads(d->steer)) {
		json_decref(body);
		return false;
	}
	controller = obey_controller(d->obey);
	node = controller ? nodes_find(d->nodes, controller) : NULL;
	if (node) {
		api_relay(r, node, path, body);
		return true;
	}
	json_decref(body);
	http_refuse_later(r, HTTP_SERVUNAVAIL, 1,
			  "no controller leads the cluster now, or it has not reached this node yet");
	return true;
}

static json_t *states_json(const struct view_function *vf)
{
	static const char *const names[POLICY_STATES] = {
		[POLICY_STARTING] = "starting", [POLICY_RUNNING] = "running",
		[POLICY_WARM] = "idle", [POLICY_DEDUPING] = "deduplicating",
		[POLICY_DEDUP] = "dedup",
	};
	unsigned int in[POLICY_STATES] = { 0 };
	json_t *states = json_object();
	size_t i;

	for (i = 0; i < vf->n_boxes; i++)
		in[vf->boxes[i].state]++;
	for (i = 0; i < POLICY_STATES; i++)
		json_object_set_new(states, names[i], json_integer(in[i]));
	return states;
}

/**
 * api_function_json() - a function, and at the controller how it is on each node
 * @d: the daemon
 * @f: the function
 */
json_t *api_function_json(struct daemon *d, const struct function *f)
{
	json_t *object = function_json(f), *nodes;
	const struct view_function *vf;
	const struct steer_node *sn;

	if (!object || !steer_leads(d->steer))
		return object;
	nodes = json_object();
	for (sn = d->steer->nodes; sn; sn = sn->hh.next) {
		vf = sn->view ? view_find(sn->view, f->domain, f->spec.name) : NULL;
		if (vf && !vf->known.removed)
			json_object_set_new(nodes, sn->name, states_json(vf));
	}
	json_object_set_new(object, "nodes", nodes);
	return object;
}

static json_t *memory_json(const struct view *v)
{
	return json_pack("{s:o,s:f,s:f,s:f,s:f,s:f,s:f}",
			 "available", v->memory_known ? json_real(v->available) : json_null(),
			 "stalled", v->stalled, "floor", v->floor, "capacity", v->capacity,
			 "used", v->used, "reserve", v->reserve, "room", view_room(v));
}

static json_t *view_json(const struct view *v)
{
	return json_pack("{s:b,s:b,s:b,s:b,s:{s:i,s:i,s:i,s:i,s:i},s:i,s:i,s:i,s:o}",
			 "serves", v->serves, "cordoned", v->cordoned, "draining", v->draining, "dedups", v->dedups,
			 "sandboxes", "starting", v->in[POLICY_STARTING],
			 "running", v->in[POLICY_RUNNING], "idle", v->in[POLICY_WARM],
			 "deduplicating", v->in[POLICY_DEDUPING], "dedup", v->in[POLICY_DEDUP],
			 "functions", HASH_COUNT(v->functions),
			 "bases", v->n_bases, "imports", v->n_imports, "memory", memory_json(v));
}

static json_t *node_row(struct daemon *d, const struct steer_node *sn)
{
	uint64_t now = clock_now(d->clock);
	json_t *row = sn->view ? view_json(sn->view) : json_object();

	json_object_set_new(row, "node", json_string(sn->name));
	json_object_set_new(row, "state", json_string(sn->view ? "commanded" : sn->tried ?
						      "out of reach" : "unknown"));
	json_object_set_new(row, "error", sn->error[0] ? medes_json_text(sn->error) : json_null());
	json_object_set_new(row, "heard_ms", sn->heard ? json_integer((now - sn->heard) / US_PER_MS) :
						       json_null());
	json_object_set_new(row, "requests", json_integer(steer_flights(sn)));
	json_object_set_new(row, "acts", json_integer(json_array_size(sn->acts)));
	return row;
}

/* Those that are there and cannot be commanded. */
static void add_others(struct daemon *d, json_t *array)
{
	struct node *node;

	for (node = d->nodes->all; node; node = node->hh.next)
		if (!steer_find(d->steer, node->name))
			json_array_append_new(array, json_pack("{s:s,s:s,s:o?}", "node", node->name,
				"state", node->protocol ? "older protocol" : "unknown", "error",
				node->error[0] ? medes_json_text(node->error) : NULL));
}

static json_t *overview_json(struct daemon *d)
{
	const struct steer *s = d->steer;
	json_t *nodes = json_array();
	const struct steer_node *sn;

	for (sn = s->nodes; sn; sn = sn->hh.next)
		json_array_append_new(nodes, node_row(d, sn));
	add_others(d, nodes);
	return json_pack("{s:s,s:I,s:b,s:I,s:I,s:I,s:o,s:o}", "controller", d->config.node,
			 "epoch", (json_int_t)s->epoch, "settled", steer_settled(s),
			 "acts", (json_int_t)s->acts, "answers", (json_int_t)s->answers,
			 "failures", (json_int_t)s->failures,
			 "requests", fronts_json(d->fronts), "nodes", nodes);
}

static void show(struct request *r)
{
	if (!r->daemon->steer)
		http_refuse(r, 409, "this node is in no cluster with a controller; medesd.conf: [Cluster] Controller or [Registry] Engine=valkey, and Certificates");
	else if (!api_elsewhere(r, "/v1/cluster/overview", json_object()))
		http_reply(r, HTTP_OK, overview_json(r->daemon));
}

/* Is this daemon the one that the other node means? False: refused, r is freed. */
static bool leads(struct request *r)
{
	if (steer_leads(r->daemon->steer))
		return true;
	http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "the controller has changed just now");
	return false;
}

static void overview(struct request *r)
{
	if (leads(r))
		http_reply(r, HTTP_OK, overview_json(r->daemon));
}

/* As a node has it from a client, whom it knows to be allowed to. */
static void put(struct request *r, const char *domain, json_t *given, bool create)
{
	struct daemon *d = r->daemon;
	char error[SPEC_ERROR], name[MEDES_NAME_SIZE];
	struct spec spec = { 0 };
	bool there;

	if (spec_parse(&spec, given, error)) {
		http_refuse(r, 422, "%s", error);
		return;
	}
	strcpy(name, spec.name);
	there = function_find(d->control, domain, name);
	if (there && create) {
		spec_clear(&spec);
		http_refuse(r, 409, "the domain \"%s\" has a function \"%s\" already; change it with PUT",
			    domain, name);
	} else if (sync_put(d, domain, &spec)) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 10,
				  "the function cannot be stored at the controller (State= of medesd.conf); see its log");
	} else {
		http_reply(r, there ? HTTP_OK : 201,
			   function_json(function_find(d->control, domain, name)));
	}
}

static void function(struct request *r)
{
	const char *domain = NULL, *name = NULL;
	json_t *spec = NULL;
	bool create = false;
	const struct api_key keys[] = {
		{ "domain", JSON_STRING, .string = &domain }, { "name", JSON_STRING, .string = &name },
		{ "spec", JSON_OBJECT, .array = &spec }, { "create", JSON_TRUE, .boolean = &create },
	};
	int err;

	if (!leads(r) || !api_body(r, keys, ARRAY_SIZE(keys)) || !api_name(r, "domain", domain))
		return;
	if (spec) {
		put(r, domain, spec, create);
		return;
	}
	if (!api_name(r, "function", name))
		return;
	if (!function_find(r->daemon->control, domain, name)) {
		http_refuse(r, HTTP_NOTFOUND, "the domain \"%s\" has no function \"%s\"", domain, name);
		return;
	}
	err = sync_remove(r->daemon, domain, name);
	if (err)
		http_refuse_errno(r, err, strerror(-err));
	else
		http_reply(r, HTTP_OK, json_object());
}

static void explain(struct request *r)
{
	const char *domain = NULL, *name = NULL;
	const struct api_key keys[] = {
		{ "domain", JSON_STRING, .string = &domain }, { "name", JSON_STRING, .string = &name },
	};
	struct function *f;

	if (!leads(r) || !api_body(r, keys, ARRAY_SIZE(keys)) || !api_name(r, "domain", domain) ||
	    !api_name(r, "function", name))
		return;
	f = function_find(r->daemon->control, domain, name);
	if (f)
		http_reply(r, HTTP_OK, oversee_explain(r->daemon->steer, f));
	else
		http_refuse(r, HTTP_NOTFOUND, "the domain \"%s\" has no function \"%s\"", domain, name);
}

const struct route api_controller_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/controller", show, 0 },
	{ EVHTTP_REQ_POST, "/v1/cluster/overview", overview, ROUTE_NODE },
	{ EVHTTP_REQ_POST, "/v1/cluster/function", function, ROUTE_NODE },
	{ EVHTTP_REQ_POST, "/v1/cluster/explain", explain, ROUTE_NODE },
	{ 0, NULL, NULL, 0 },
};
