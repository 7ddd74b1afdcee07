// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sandboxes that a platform runs itself: adopt. Their cgroup is frozen while its processes are
 * listed, so that none escapes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"
#include "freezer.h"
#include "function.h"
#include "host.h"
#include "log.h"
#include "members.h"

/* A watched one idles until it is seen to run, others are in use until they are released. */
static int begin(struct box *box)
{
	box_set(box, BOX_IDLE);
	return box->watched ? 0 : api_hold(box);
}

/* A request to adopt, while its cgroup freezes. */
struct adoption {
	struct request *r;
	char domain[MEDES_NAME_SIZE];
	char function[MEDES_NAME_SIZE];
	char name[MEDES_NAME_SIZE];
	char address[64];
	struct freezer freezer;
	bool cgroup;
	bool watch;
};

static void adoption_free(struct adoption *a)
{
	freezer_release(&a->freezer);
	free(a);
}

static void adopt_members(struct adoption *a, const struct members *members)
{
	struct request *r = a->r;
	char error[CONTROL_ERROR] = "no memory for a sandbox";
	struct cgroup cgroup = a->freezer.cgroup;
	bool by_cgroup = a->cgroup;
	/* either may have come or gone meanwhile */
	struct function *f = function_find(r->daemon->control, a->domain, a->function);
	bool taken = box_find(r->daemon->control, a->name);
	struct box *box = NULL;
	int err = -ENOMEM;

	if (!members->n) {
		adoption_free(a);
		http_refuse(r, 422, "there is no process in this cgroup");
		return;
	}
	if (f && !taken)
		box = box_new(f, a->name);
	if (box) {
		box->adopted = true;
		box->watched = a->watch;
		strcpy(box->address, a->address);
		if (!host_adopt(r->daemon->host, box, by_cgroup ? &cgroup : NULL, members, error))
			box_discard(box);
		else
			err = begin(box);
	}
	adoption_free(a);
	if (err) {
		http_refuse(r, 409, "%s", error);
		return;
	}
	log_info("sandbox %s of %s is adopted", box->name, f->spec.name);
	http_reply(r, 201, box_json(box));
}

static void on_frozen(int err, const char *error, void *arg)
{
	struct adoption *a = arg;
	struct members members = { 0 };
	char why[CGROUP_ERROR];

	if (err)
		snprintf(why, sizeof(why), "%s", error);
	else
		err = cgroup_members(&a->freezer.cgroup, &members, why);
	if (!err) {
		adopt_members(a, &members);
	} else {
		struct request *r = a->r;

		adoption_free(a);
		http_refuse_errno(r, err, why);
	}
	members_clear(&members);
}

static void on_adopter_gone(struct request *r)
{
	adoption_free(r->private);
	http_reply_raw(r, HTTP_OK, NULL);
}

static void adopt_cgroup(struct adoption *a, const char *path)
{
	struct request *r = a->r;
	char error[CGROUP_ERROR];
	struct cgroup cgroup;
	int err = cgroup_resolve(&cgroup, path, error);

	if (err) {
		free(a);
		http_refuse(r, 422, "%s", error);
		return;
	}
	a->cgroup = true;
	r->private = a;
	r->gone = on_adopter_gone;
	if (freezer_start(&a->freezer, r->daemon->events, &cgroup,
			  r->daemon->config.freeze_timeout, on_frozen, a)) {
		free(a);
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory to freeze the cgroup");
	}
}

static void adopt_pids(struct adoption *a, const json_t *pids)
{
	struct members members = { 0 };
	struct request *r = a->r;
	char error[CGROUP_ERROR];
	int err = members_of_json(pids, &members, error);

	if (err) {
		free(a);
		http_refuse_errno(r, err, error);
		return;
	}
	adopt_members(a, &members);
	members_clear(&members);
}

static void adopt(struct request *r)
{
	const char *name = NULL, *cgroup = NULL, *address = "";
	json_t *pids = NULL;
	bool watch = false;
	const struct api_key keys[] = {
		{ "name", JSON_STRING, .string = &name },
		{ "cgroup", JSON_STRING, .string = &cgroup },
		{ "address", JSON_STRING, .string = &address },
		{ "pids", JSON_ARRAY, .array = &pids },
		{ "watch", JSON_TRUE, .boolean = &watch },
	};
	struct function *f = api_function(r);
	struct adoption *a;

	if (!f || !api_body(r, keys, ARRAY_SIZE(keys)) || !api_name(r, "sandbox", name))
		return;
	if (!cgroup == !pids) {
		http_refuse(r, 422, "want either pids or cgroup");
		return;
	}
	if (watch && !cgroup) {
		http_refuse(r, 422, "watch: only a cgroup can be watched, not pids");
		return;
	}
	if (box_find(r->daemon->control, name)) {
		http_refuse(r, 409, "there is a sandbox \"%s\" already", name);
		return;
	}
	if (strlen(address) >= sizeof(a->address)) {
		http_refuse(r, 422, "address: want at most %zu characters", sizeof(a->address) - 1);
		return;
	}
	a = calloc(1, sizeof(*a));
	if (!a) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory for a sandbox");
		return;
	}
	a->r = r;
	strcpy(a->domain, f->domain);
	strcpy(a->function, f->spec.name);
	strcpy(a->name, name);
	strcpy(a->address, address);
	a->watch = watch;
	if (cgroup)
		adopt_cgroup(a, cgroup);
	else
		adopt_pids(a, pids);
}

const struct route api_adopt_routes[] = {
	{ EVHTTP_REQ_POST, "/v1/functions/*/adopt", adopt, 0 },
	{ 0, NULL, NULL, 0 },
};
