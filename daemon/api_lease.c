// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sandboxes that a platform sends requests to itself: acquire, release.
 *
 * An acquired sandbox is a call that lasts until it is released; should the platform
 * die, the lease runs out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"
#include "function.h"
#include "json.h"
#include "log.h"

#define LEASE_MAX_MS 3600000

struct lease {
	struct call call;
	struct request *r;		/* NULL: it was answered */
};

static struct lease *lease_of(struct call *call)
{
	return (struct lease *)((char *)call - offsetof(struct lease, call));
}

static void reply_acquired(struct request *r, const struct call *call)
{
	static const char *const names[START_KINDS] = {
		[START_WARM] = "warm", [START_DEDUP] = "dedup", [START_COLD] = "cold",
	};
	const struct box *box = call ? call->box : NULL;

	http_reply(r, HTTP_OK, json_pack("{s:o,s:s,s:f,s:o}",
		"sandbox", box ? medes_json_text(box->name) : json_null(),
		"start", call ? names[call->start] : "cold",
		"start_ms", call ? call_start_ms(call) : 0.0,
		"address", box && box->address[0] ? medes_json_text(box->address) : json_null()));
}

static void on_ready(struct call *call)
{
	struct lease *lease = lease_of(call);
	struct request *r = lease->r;

	lease->r = NULL;
	/* whoever asked has gone: it runs out, or is released by a second thought */
	if (r)
		reply_acquired(r, call);
}

static void on_failed(struct call *call, int status, unsigned int retry_after, const char *why)
{
	struct lease *lease = lease_of(call);

	if (lease->r)
		http_refuse_later(lease->r, status, retry_after, why);
	else
		log_warning("%s", why);
	free(lease);
}

static const struct call_ops ops = { .ready = on_ready, .failed = on_failed };

static void on_client_gone(struct request *r)
{
	struct lease *lease = r->private;

	lease->r = NULL;
	http_reply_raw(r, HTTP_OK, NULL);
	if (lease->call.state == CALL_QUEUED) {
		call_cancel(&lease->call);
		free(lease);
	}
}

/* False: refused, r is freed. */
static bool lease_time(struct request *r, unsigned int *ms)
{
	json_t *value = json_object_get(r->body, "lease_ms");
	json_int_t n = json_integer_value(value);

	*ms = 0;
	if (json_object_size(r->body) != (value ? 1 : 0)) {
		http_refuse(r, 422, "this request knows the key \"lease_ms\" only");
		return false;
	}
	if (!value)
		return true;
	if (!json_is_integer(value) || n < 1 || n > LEASE_MAX_MS) {
		http_refuse(r, 422, "lease_ms: want an integer from 1 to %d", LEASE_MAX_MS);
		return false;
	}
	*ms = n;
	return true;
}

static void acquire(struct request *r, struct function *f, struct box *only)
{
	struct lease *lease;
	unsigned int ms;

	if (!lease_time(r, &ms))
		return;
	lease = calloc(1, sizeof(*lease));
	if (!lease) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory for a lease");
		return;
	}
	lease->r = r;
	lease->call.ops = &ops;
	lease->call.lease = true;
	lease->call.limit = ms;
	r->private = lease;
	r->gone = on_client_gone;
	call_submit(&lease->call, f, only);
}

/**
 * api_hold() - have a new box in use, until it is released
 * @box: adopted, and idle
 */
int api_hold(struct box *box)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return -ENOMEM;
	lease->call.ops = &ops;
	lease->call.lease = true;
	call_hold(&lease->call, box);
	return 0;
}

/* None of it that could serve now, and none will come by itself. */
static bool must_be_started(const struct function *f)
{
	return !spec_starts(&f->spec) &&
	       !f->in[BOX_IDLE] && !f->in[BOX_DEDUPING] && !f->in[BOX_DEDUP];
}

static void acquire_any(struct request *r)
{
	struct function *f = api_function(r);
	unsigned int ms;

	if (!f || (must_be_started(f) && !lease_time(r, &ms)))
		return;
	if (must_be_started(f))
		reply_acquired(r, NULL);
	else
		acquire(r, f, NULL);
}

/* The box in the path, if the requester may know of it. NULL: refused, r is freed. */
struct box *api_box(struct request *r)
{
	struct box *box = box_find(r->daemon->control, r->arg);

	if (box && (r->admin || !strcmp(r->domain, box->function->domain)))
		return box;
	http_refuse(r, HTTP_NOTFOUND, "the controller has no sandbox \"%s\"", r->arg);
	return NULL;
}

static void acquire_one(struct request *r)
{
	struct box *box = api_box(r);

	if (box)
		acquire(r, box->function, box);
}

static void release(struct request *r)
{
	struct box *box = api_box(r);
	struct call *call;

	if (!box)
		return;
	TAILQ_FOREACH(call, &box->calls, link)
		if (call->lease && call->state == CALL_READY)
			break;
	if (!call) {
		http_refuse(r, 409, "sandbox \"%s\" is not acquired", box->name);
		return;
	}
	call_done(call);
	free(lease_of(call));
	/* it may have been ended by that, and is freed later than this */
	http_reply(r, HTTP_OK, box_json(box));
}

const struct route api_lease_routes[] = {
	{ EVHTTP_REQ_POST, "/v1/functions/*/acquire", acquire_any, ROUTE_TENANT },
	{ EVHTTP_REQ_POST, "/v1/sandboxes/*/acquire", acquire_one, ROUTE_TENANT },
	{ EVHTTP_REQ_POST, "/v1/sandboxes/*/release", release, ROUTE_TENANT },
	{ 0, NULL, NULL, 0 },
};
