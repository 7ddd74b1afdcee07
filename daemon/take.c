// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * POST /v1/sandboxes: taking processes in, as a new sandbox or into one.
 *
 * A cgroup's processes are taken in while it is frozen, so that no fork escapes
 * between listing and taking. It goes on before anybody hears of the result.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "api.h"
#include "freezer.h"
#include "json.h"
#include "kernel.h"
#include "log.h"
#include "members.h"
#include "ops.h"

/* A request to take processes in, while its cgroup freezes. */
struct taking {
	struct request *r;
	char name[MEDES_NAME_SIZE];
	char domain[MEDES_NAME_SIZE];	/* empty: not given */
	char function[MEDES_NAME_SIZE];
	bool attach;
	struct freezer freezer;
};

/* A domain that nobody else is in. The name is for people, the rest for luck. */
static int private_domain(char domain[MEDES_NAME_SIZE], const char *name)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(domain, MEDES_NAME_SIZE, "private:%.38s:%016" PRIx64, name, random);
	return 0;
}

static void taking_end(struct taking *t)
{
	freezer_release(&t->freezer);
	free(t);
}

static void refuse_taking(struct taking *t, int err, const char *text)
{
	struct request *r = t->r;

	/* thaw before anybody hears of it */
	taking_end(t);
	http_refuse_errno(r, err, text);
}

/* Add to a sandbox that is there. */
static int attach(struct medes_nl *nl, struct taking *t, const struct members *members,
		  struct medes_sandbox *out)
{
	int err = medes_sandbox_find(nl, t->name, out);

	if (err)
		return err;
	if (t->domain[0] && strcmp(t->domain, out->domain)) {
		err = medes_nl_fail(nl, -EXDEV, "sandbox \"%s\" is in domain \"%s\"", t->name,
				    out->domain);
		goto err_clear;
	}
	err = medes_sandbox_attach(nl, out->id, members->v, members->n);
	if (err)
		goto err_clear;
	return 0;

err_clear:
	medes_sandbox_clear(out);
	return err;
}

/* Make a sandbox; all processes come in or none. */
static int create(struct medes_nl *nl, struct taking *t, const struct members *members,
		  struct medes_sandbox *out)
{
	size_t first = members->n < MEDES_PROCESSES_MAX ? members->n : MEDES_PROCESSES_MAX;
	char error[MEDES_NL_ERROR];
	int err;

	if (!t->domain[0] && private_domain(t->domain, t->name))
		return medes_nl_fail(nl, -EIO, "no random numbers for a private domain");
	err = medes_sandbox_new(nl, t->name, t->domain, t->function, members->v, first, out);
	if (err)
		return err;
	err = medes_sandbox_attach(nl, out->id, members->v + first, members->n - first);
	if (!err)
		return 0;
	strcpy(error, nl->error);
	medes_sandbox_del(nl, out->id);
	medes_sandbox_clear(out);
	return medes_nl_fail(nl, err, "%s", error);
}

static void take(struct taking *t, const struct members *members)
{
	struct medes_nl *nl = kernel_nl(t->r->daemon->kernel);
	struct request *r = t->r;
	struct medes_sandbox sandbox;
	uint32_t id;
	int err;

	if (!nl) {
		refuse_taking(t, -ENODEV, "the kernel module has gone; load it with: modprobe medes");
		return;
	}
	err = t->attach ? attach(nl, t, members, &sandbox) : create(nl, t, members, &sandbox);
	if (err) {
		refuse_taking(t, err, nl->error);
		return;
	}
	if (t->freezer.cgroup.path[0] && cgroup_mark(&t->freezer.cgroup, t->name))
		log_warning("cannot mark %s: later forks will not be taken in by themselves",
			    t->freezer.cgroup.path);
	taking_end(t);
	/* as it is now, with what was attached */
	id = sandbox.id;
	medes_sandbox_clear(&sandbox);
	err = medes_sandbox_get(nl, id, &sandbox);
	if (err) {
		http_refuse_errno(r, err, nl->error);
		return;
	}
	log_info("sandbox %s: %zu processes in domain %s", sandbox.name, sandbox.n_processes,
		 sandbox.domain);
	http_reply(r, 201, api_sandbox_json(&sandbox));
	medes_sandbox_clear(&sandbox);
}

static void on_frozen(int err, const char *error, void *arg)
{
	char why[CGROUP_ERROR];
	struct taking *t = arg;
	struct members members;

	if (err) {
		snprintf(why, sizeof(why), "%s", error);
		refuse_taking(t, err, why);
		return;
	}
	err = cgroup_members(&t->freezer.cgroup, &members, why);
	if (err) {
		refuse_taking(t, err, why);
		return;
	}
	if (members.n)
		take(t, &members);
	else
		refuse_taking(t, -EINVAL, "there is no process in this cgroup");
	members_clear(&members);
}

/* The client has gone while the cgroup froze. */
static void on_client_gone(struct request *r)
{
	taking_end(r->private);
	http_reply(r, HTTP_OK, json_null());
}

static void take_cgroup(struct taking *t, const char *path)
{
	struct daemon *daemon = t->r->daemon;
	char error[CGROUP_ERROR];
	struct cgroup cgroup;
	int err;

	err = cgroup_resolve(&cgroup, path, error);
	if (err) {
		refuse_taking(t, err == -ENOENT ? -EINVAL : err, error);
		return;
	}
	t->r->gone = on_client_gone;
	t->r->private = t;
	if (freezer_start(&t->freezer, daemon->events, &cgroup, daemon->config.freeze_timeout,
			  on_frozen, t))
		refuse_taking(t, -ENOMEM, "no memory to freeze the cgroup");
}

static void take_pids(struct taking *t, const json_t *pids)
{
	char error[CGROUP_ERROR];
	struct members members;
	int err = members_of_json(pids, &members, error);

	if (err) {
		refuse_taking(t, err, error);
		return;
	}
	take(t, &members);
	members_clear(&members);
}

/* What the body says. False: refused, r is freed. */
static bool parse_taking(struct request *r, struct taking *t, const char **cgroup, json_t **pids)
{
	const char *name = NULL, *domain = NULL, *function = NULL;
	bool attach = false;
	const struct api_key keys[] = {
		{ "name", JSON_STRING, .string = &name },
		{ "domain", JSON_STRING, .string = &domain },
		{ "function", JSON_STRING, .string = &function },
		{ "cgroup", JSON_STRING, .string = cgroup },
		{ "pids", JSON_ARRAY, .array = pids },
		{ "attach", JSON_TRUE, .boolean = &attach },
	};

	if (!api_body(r, keys, ARRAY_SIZE(keys)))
		return false;
	if (!api_name(r, "sandbox", name) || (domain && !api_name(r, "domain", domain)) ||
	    (function && !api_name(r, "function", function)))
		return false;
	if (!*cgroup == !*pids) {
		http_refuse(r, 422, "want either pids or cgroup");
		return false;
	}
	if (*pids && !json_array_size(*pids)) {
		http_refuse(r, 422, "pids: want at least one process id");
		return false;
	}
	strcpy(t->name, name);
	strcpy(t->domain, domain ? domain : "");
	strcpy(t->function, function ? function : name);
	t->attach = attach;
	return true;
}

/**
 * api_take() - POST /v1/sandboxes
 * @r: the request
 */
void api_take(struct request *r)
{
	struct taking parsed = { .r = r }, *t;
	const char *cgroup = NULL;
	json_t *pids = NULL;

	if (!parse_taking(r, &parsed, &cgroup, &pids) || !http_nl(r))
		return;
	t = malloc(sizeof(*t));
	if (!t) {
		http_refuse_errno(r, -ENOMEM, "no memory for a sandbox");
		return;
	}
	*t = parsed;
	if (cgroup)
		take_cgroup(t, cgroup);
	else
		take_pids(t, pids);
}
