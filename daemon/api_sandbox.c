// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/sandboxes: listing, forgetting, deduplicating; take.c takes processes in.
 * The kernel's list is the only one.
 */
#include "api.h"
#include "job.h"
#include "json.h"
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
	return object;
}

static void list(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_sandboxes all;
	json_t *array;
	size_t i;
	int err;

	if (!nl)
		return;
	err = medes_sandbox_list(nl, &all);
	if (err) {
		http_refuse_errno(r, err, nl->error);
		return;
	}
	array = json_array();
	for (i = 0; i < all.n; i++)
		json_array_append_new(array, api_sandbox_json(&all.v[i]));
	medes_sandboxes_clear(&all);
	http_reply(r, HTTP_OK, json_pack("{s:o}", "sandboxes", array));
}

static void show(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_sandbox sandbox;

	if (!nl || !api_find_sandbox(r, nl, r->arg, &sandbox))
		return;
	http_reply(r, HTTP_OK, api_sandbox_json(&sandbox));
	medes_sandbox_clear(&sandbox);
}

static void remove_one(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_sandbox sandbox;
	struct cgroup cgroup;
	bool marked;
	int err;

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

	if (!nl || !api_find_sandbox(r, nl, r->arg, &sandbox))
		return;
	api_start_job(r, JOB_DEDUP, &sandbox, NULL);
	medes_sandbox_clear(&sandbox);
}

const struct route api_sandbox_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/sandboxes", list },
	{ EVHTTP_REQ_POST, "/v1/sandboxes", api_take },
	{ EVHTTP_REQ_GET, "/v1/sandboxes/*", show },
	{ EVHTTP_REQ_DELETE, "/v1/sandboxes/*", remove_one },
	{ EVHTTP_REQ_POST, "/v1/sandboxes/*/dedup", dedup },
	{ 0, NULL, NULL },
};
