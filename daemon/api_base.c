// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/bases: demarcating, listing, dropping.
 */
#include <errno.h>
#include <string.h>
#include "api.h"
#include "engine.h"
#include "job.h"
#include "json.h"
#include "log.h"
#include "ops.h"
#include "share.h"

/* All bases of the kernel. False: refused, r is freed. */
static bool get_bases(struct request *r, struct medes_nl *nl, struct medes_bases *out)
{
	int err = medes_base_list(nl, out);

	if (err)
		http_refuse_errno(r, err, nl->error);
	return !err;
}

static uint64_t id_of(const struct medes_bases *bases, const char *name, bool *exported)
{
	size_t i;

	for (i = 0; i < bases->n; i++) {
		if (strcmp(bases->v[i].name, name))
			continue;
		*exported = bases->v[i].generation;
		return bases->v[i].id;
	}
	return 0;
}

static void list(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_bases all;
	json_t *array;
	size_t i;

	if (!nl || !get_bases(r, nl, &all))
		return;
	array = json_array();
	for (i = 0; i < all.n; i++)
		json_array_append_new(array, medes_json_base(&all.v[i]));
	medes_bases_clear(&all);
	http_reply(r, HTTP_OK, json_pack("{s:o}", "bases", array));
}

static void add(struct request *r)
{
	const char *from = NULL, *name = NULL;
	struct medes_sandbox sandbox;
	struct medes_bases all;
	struct medes_nl *nl;
	const struct api_key keys[] = {
		{ "sandbox", JSON_STRING, .string = &from },
		{ "name", JSON_STRING, .string = &name },
	};
	bool taken, exported;

	if (!api_body(r, keys, ARRAY_SIZE(keys)))
		return;
	name = name ? name : from;
	if (!api_name(r, "sandbox", from) || !api_name(r, "base", name))
		return;
	nl = http_nl(r);
	if (!nl || !get_bases(r, nl, &all))
		return;
	taken = id_of(&all, name, &exported);
	medes_bases_clear(&all);
	if (taken) {
		http_refuse(r, 409, "there is a base \"%s\" already; give another name", name);
		return;
	}
	if (!api_find_sandbox(r, nl, from, &sandbox))
		return;
	api_start_job(r, JOB_BASE, &sandbox, name);
	medes_sandbox_clear(&sandbox);
}

static void remove_one(struct request *r)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_bases all;
	bool exported = false;
	uint64_t id;
	int err = 0;

	if (!nl || !get_bases(r, nl, &all))
		return;
	id = id_of(&all, r->arg, &exported);
	medes_bases_clear(&all);
	if (!id) {
		http_refuse(r, HTTP_NOTFOUND, "no base has the name \"%s\"", r->arg);
		return;
	}
	/* refused while nodes hold a lease; exported again should it not go after that */
	if (exported)
		err = medes_base_unexport(nl, id, false);
	if (!err)
		err = medes_base_del(nl, id);
	if (err) {
		http_refuse_errno(r, err, nl->error);
		return;
	}
	engine_remove(r->daemon->engine, id);
	log_info("base %s removed", r->arg);
	http_reply(r, HTTP_OK, json_object());
}

const struct route api_base_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/bases", list, 0 },
	{ EVHTTP_REQ_POST, "/v1/bases", add, 0 },
	{ EVHTTP_REQ_DELETE, "/v1/bases/*", remove_one, 0 },
	{ 0, NULL, NULL, 0 },
};
