// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/sandboxes: listing, forgetting, deduplicating; take.c takes processes in.
 *
 * There are the kernel's sandboxes and the controller's. One that both know has one
 * name in both, and is shown once.
 */
#include "api.h"
#include "function.h"
#include "job.h"
#include "json.h"
#include "kernel.h"
#include "log.h"
#include "members.h"
#include "ops.h"

/**
 * api_sandbox_json() - a sandbox as the interface shows it
 * @sandbox: the sandbox
 *
 * Return: a new reference.
 */
json_t *api_sandbox_json(const struct medes_sandbox *sandbox)
{
	json_t *object = medes_json_sandbox(sandbox);
	struct cgroup cgroup;

	json_object_set_new(object, "cgroup", members_cgroup(sandbox, &cgroup) ? json_null() :
			    medes_json_text(cgroup.path));
	json_object_set_new(object, "life", json_null());
	return object;
}

/* What the controller knows besides. */
static json_t *add_box(json_t *object, const struct box *box)
{
	json_t *more = box_json(box);

	if (!object)
		object = json_pack("{s:n,s:n,s:n,s:n,s:[]}", "id", "state", "stats", "cgroup",
				   "processes");
	json_object_update(object, more);
	json_decref(more);
	return object;
}

static bool may_see(const struct request *r, const struct box *box)
{
	return r->admin || (box && !strcmp(box->function->domain, r->domain));
}

static void list_kernel(const struct request *r, const struct medes_sandboxes *all, json_t *array)
{
	const struct box *box;
	json_t *object;
	size_t i;

	for (i = 0; i < all->n; i++) {
		box = box_find(r->daemon->control, all->v[i].name);
		if (!may_see(r, box))
			continue;
		object = api_sandbox_json(&all->v[i]);
		json_array_append_new(array, box ? add_box(object, box) : object);
	}
}

static bool is_listed(const struct medes_sandboxes *all, const char *name)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return true;
	return false;
}

static void list_boxes(const struct request *r, const struct medes_sandboxes *all, json_t *array)
{
	const struct box *box;

	for (box = r->daemon->control->boxes; box; box = box->hh.next)
		if (may_see(r, box) && !is_listed(all, box->name))
			json_array_append_new(array, add_box(NULL, box));
}

static void list(struct request *r)
{
	struct medes_nl *nl = kernel_nl(r->daemon->kernel);
	struct medes_sandboxes all = { 0 };
	json_t *array;
	int err;

	/* with functions there is something to tell without the module, too */
	if (!nl && !r->daemon->control->functions && !http_nl(r))
		return;
	err = nl ? medes_sandbox_list(nl, &all) : 0;
	if (err) {
		http_refuse_errno(r, err, nl->error);
		return;
	}
	array = json_array();
	list_kernel(r, &all, array);
	list_boxes(r, &all, array);
	medes_sandboxes_clear(&all);
	http_reply(r, HTTP_OK, json_pack("{s:o}", "sandboxes", array));
}

static void show(struct request *r)
{
	struct box *box = box_find(r->daemon->control, r->arg);
	struct medes_nl *nl = kernel_nl(r->daemon->kernel);
	struct medes_sandbox sandbox;
	json_t *object = NULL;

	if (!box && (!http_nl(r) || !api_find_sandbox(r, nl, r->arg, &sandbox)))
		return;
	if (!box || (nl && !medes_sandbox_find(nl, r->arg, &sandbox))) {
		object = api_sandbox_json(&sandbox);
		medes_sandbox_clear(&sandbox);
	}
	http_reply(r, HTTP_OK, box ? add_box(object, box) : object);
}

/* Whoever removes a box of the controller's means that it shall end. */
static bool remove_box(struct request *r)
{
	struct box *box = box_find(r->daemon->control, r->arg);

	if (!box)
		return false;
	log_info("sandbox %s is ended on request", box->name);
	box_purge(box, "on request");
	http_reply(r, HTTP_OK, json_object());
	return true;
}

static void remove_one(struct request *r)
{
	struct medes_sandbox sandbox;
	struct cgroup cgroup;
	struct medes_nl *nl;
	bool marked;
	int err;

	if (remove_box(r))
		return;
	nl = http_nl(r);
	if (!nl || !api_find_sandbox(r, nl, r->arg, &sandbox))
		return;
	marked = !members_cgroup(&sandbox, &cgroup);
	err = medes_sandbox_del(nl, sandbox.id);
	if (err) {
		http_refuse_errno(r, err, nl->error);
	} else {
		jobs_sandbox_gone(r->daemon->jobs, sandbox.id, "the sandbox was removed");
		if (marked)
			cgroup_unmark(&cgroup);
		log_info("sandbox %s removed", sandbox.name);
		http_reply(r, HTTP_OK, json_object());
	}
	medes_sandbox_clear(&sandbox);
}

static void dedup(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_sandbox sandbox;

	if (nl && box_find(r->daemon->control, r->arg)) {
		http_refuse(r, 409, "the controller's policy decides about sandbox \"%s\"", r->arg);
		return;
	}
	if (!nl || !api_find_sandbox(r, nl, r->arg, &sandbox))
		return;
	api_start_job(r, JOB_DEDUP, &sandbox, NULL);
	medes_sandbox_clear(&sandbox);
}

static void restore(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_sandbox sandbox;
	bool working_set = false;
	const struct api_key keys[] = {
		{ "working_set", JSON_TRUE, .boolean = &working_set },
	};

	if (!nl || !api_body(r, keys, ARRAY_SIZE(keys)) ||
	    !api_find_sandbox(r, nl, r->arg, &sandbox))
		return;
	api_start_restore(r, &sandbox, working_set);
	medes_sandbox_clear(&sandbox);
}

const struct route api_sandbox_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/sandboxes", list, ROUTE_TENANT },
	{ EVHTTP_REQ_POST, "/v1/sandboxes", api_take, 0 },
	{ EVHTTP_REQ_GET, "/v1/sandboxes/*", show, 0 },
	{ EVHTTP_REQ_DELETE, "/v1/sandboxes/*", remove_one, 0 },
	{ EVHTTP_REQ_POST, "/v1/sandboxes/*/dedup", dedup, 0 },
	{ EVHTTP_REQ_POST, "/v1/sandboxes/*/restore", restore, 0 },
	{ 0, NULL, NULL, 0 },
};
