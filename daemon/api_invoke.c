// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/functions/NAME/invoke: a request goes through to a sandbox, its answer comes back.
 *
 * The request is copied out of the client's, so that it can be sent again, and runs to its
 * end when the client goes: nobody could tell otherwise when the sandbox idles again.
 *
 * A process that dies closes its connections a moment before its end is reported, which
 * says why. So a connection that breaks is only believed when no end follows.
 *
 * In a cluster with a controller, a client's request goes to that one (front.c), which chooses
 * the node; the request that comes to the chosen node has an id (replay.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include "api.h"
#include "cell.h"
#include "forward.h"
#include "front.h"
#include "function.h"
#include "local.h"
#include "nodes.h"
#include "replay.h"

/* So long after its connection a dying process is waited for, to say what it died of. */
#define END_FOLLOWS_MS 1000
#define END_WAITS 10

struct invoke {
	struct call call;
	struct request *r;		/* NULL: the client has gone */
	struct daemon *daemon;
	struct forward *forward;
	struct replay *replay;		/* NULL: no other node sent it */
	struct timer broken;		/* set: the connection broke, for this reason */
	unsigned int waits;		/* for the end that follows */
	const char *why;
	struct evkeyvalq headers;
	struct evbuffer *body;
	enum evhttp_cmd_type method;
	char *path;
};

static struct invoke *invoke_of(struct call *call)
{
	return (struct invoke *)((char *)call - offsetof(struct invoke, call));
}

static void invoke_free(struct invoke *in)
{
	timer_stop(&in->broken);
	evhttp_clear_headers(&in->headers);
	if (in->body)
		evbuffer_free(in->body);
	free(in->path);
	free(in);
}

static void add_start(const struct call *call, struct evkeyvalq *headers)
{
	static const char *const names[START_KINDS] = {
		[START_WARM] = "warm", [START_DEDUP] = "dedup", [START_COLD] = "cold",
	};
	char ms[32];

	snprintf(ms, sizeof(ms), "%.3f", call_start_ms(call));
	evhttp_add_header(headers, "Medes-Start", names[call->start]);
	evhttp_add_header(headers, "Medes-Start-Ms", ms);
	evhttp_add_header(headers, "Medes-Sandbox", call->box->name);
}

static void add_headers(struct invoke *in, struct evhttp_request *answer, struct evkeyvalq *headers)
{
	forward_copy_headers(evhttp_request_get_input_headers(answer), headers);
	if (!evhttp_find_header(headers, "Content-Type"))
		evhttp_add_header(headers, "Content-Type", "application/octet-stream");
	add_start(&in->call, headers);
	if (nodes_on(in->daemon->nodes))
		evhttp_add_header(headers, "Medes-Node", in->daemon->config.node);
}

static void keep_answer(struct invoke *in, struct evhttp_request *answer)
{
	struct evkeyvalq headers;

	TAILQ_INIT(&headers);
	add_headers(in, answer, &headers);
	replay_end(in->replay, evhttp_request_get_response_code(answer), &headers,
		   evhttp_request_get_input_buffer(answer));
	evhttp_clear_headers(&headers);
	in->replay = NULL;
}

static void pass_answer(struct invoke *in, struct evhttp_request *answer)
{
	add_headers(in, answer, evhttp_request_get_output_headers(in->r->http));
	http_reply_raw(in->r, evhttp_request_get_response_code(answer),
		       evhttp_request_get_input_buffer(answer));
}

static void on_broken(void *arg)
{
	struct invoke *in = arg;
	const struct local *l = in->call.box->local;

	/* one killed for its memory is sure to end, but a lot of memory takes its time */
	if (cell_oom_killed(&l->cell) && ++in->waits < END_WAITS &&
	    !timer_set(&in->broken, END_FOLLOWS_MS * US_PER_MS))
		return;
	call_broken(&in->call, in->why);
}

static void on_answer(struct evhttp_request *answer, bool sent, const char *why, void *arg)
{
	struct invoke *in = arg;

	in->forward = NULL;
	if (!answer) {
		/* what never reached it can be repeated by whatever method */
		in->call.idempotent |= !sent;
		in->why = why;
		if (timer_set(&in->broken, END_FOLLOWS_MS * US_PER_MS))
			call_broken(&in->call, why);
		return;
	}
	if (in->replay)
		keep_answer(in, answer);
	if (in->r && in->r->http)
		pass_answer(in, answer);
	else if (in->r)
		http_reply_raw(in->r, HTTP_OK, NULL);
	in->r = NULL;
	call_done(&in->call);
	invoke_free(in);
}

static void on_ready(struct call *call)
{
	struct invoke *in = invoke_of(call);
	struct local *l = call->box->local;
	const struct forward_request request = {
		.method = in->method, .path = in->path, .headers = &in->headers, .body = in->body,
	};

	in->forward = forward_start(l->lines, &request, on_answer, in);
	if (!in->forward)
		call_fail(call, 503, 1, "no memory or descriptors to send a request");
}

static void on_failed(struct call *call, int status, unsigned int retry_after, const char *why)
{
	struct invoke *in = invoke_of(call);

	if (in->forward)
		forward_cancel(in->forward);
	if (in->replay && call->handed)
		replay_refused(in->replay, status, why);
	else if (in->replay)
		replay_forget(in->replay);
	if (in->r)
		http_refuse_later(in->r, status, retry_after, why);
	invoke_free(in);
}

static void on_again(struct call *call)
{
	struct invoke *in = invoke_of(call);

	if (in->forward)
		forward_cancel(in->forward);
	in->forward = NULL;
	timer_stop(&in->broken);
	in->waits = 0;
}

static const struct call_ops ops = { .ready = on_ready, .failed = on_failed, .again = on_again };

/* One that waits is dropped; one that runs goes on, and its answer is thrown away. */
static void on_client_gone(struct request *r)
{
	struct invoke *in = r->private;

	in->r = NULL;
	http_reply_raw(r, HTTP_OK, NULL);
	if (in->call.state == CALL_QUEUED) {
		call_cancel(&in->call);
		if (in->replay)
			replay_forget(in->replay);
		invoke_free(in);
	}
}

/* What the function sees: what stands behind "invoke", and the query without what is ours. */
static char *make_path(const struct request *r)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->http));
	const char *path = r->tail ? r->tail : "/";
	char *text;

	if (asprintf(&text, "%s%s%s", path, query ? "?" : "", query ? query : "") < 0)
		return NULL;
	return text;
}

static struct invoke *invoke_new(struct request *r, const struct function *f)
{
	struct invoke *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	TAILQ_INIT(&in->headers);
	in->call.ops = &ops;
	timer_init(&in->broken, r->daemon->clock, on_broken, in);
	in->r = r;
	in->daemon = r->daemon;
	in->method = evhttp_request_get_command(r->http);
	in->call.idempotent = in->method == EVHTTP_REQ_GET || f->spec.idempotent;
	in->path = make_path(r);
	in->body = evbuffer_new();
	if (!in->path || !in->body ||
	    evbuffer_add_buffer(in->body, evhttp_request_get_input_buffer(r->http))) {
		invoke_free(in);
		return NULL;
	}
	forward_copy_headers(evhttp_request_get_input_headers(r->http), &in->headers);
	front_strip(&in->headers);
	return in;
}

/* The same request once more: whoever sent it waits here from now on. */
static void attach(struct invoke *in, struct request *r)
{
	struct request *before = in->r;

	in->r = r;
	r->private = in;
	r->gone = on_client_gone;
	if (!before)
		return;
	before->gone = NULL;
	http_refuse(before, 409, "this request was repeated on another connection");
}

/* True: it has come before. */
static bool is_repeated(struct request *r, const char *id)
{
	struct replay *re = replay_find(r->daemon->replays, id);

	if (!re)
		return false;
	if (replay_running(re))
		attach(replay_running(re), r);
	else
		replay_answer(re, r);
	return true;
}

/**
 * api_invoke_here() - have a sandbox of this node serve a request
 * @r: the request, answered and freed, maybe later
 * @f: of this function
 * @id: by which another node would send it again; NULL: a client's own
 */
void api_invoke_here(struct request *r, struct function *f, const char *id)
{
	struct invoke *in;

	if (!r->daemon->config.serve) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1,
				  "no node that has the function can be reached, and this machine runs no sandboxes (Serve=no)");
		return;
	}
	if (id && is_repeated(r, id))
		return;
	in = invoke_new(r, f);
	if (in && id)
		in->replay = replay_begin(r->daemon->replays, id, in);
	if (!in || (id && !in->replay)) {
		if (in)
			invoke_free(in);
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory for a request");
		return;
	}
	in->call.steered = id;
	r->private = in;
	r->gone = on_client_gone;
	call_submit(&in->call, f, NULL);
}

/* False: refused, r is freed. */
bool api_may_invoke(struct request *r, const struct function *f)
{
	if (spec_starts(&f->spec))
		return true;
	http_refuse(r, 422, "function \"%s\" has neither command nor bundle: its platform sends the requests (acquire, release)",
		    f->spec.name);
	return false;
}

static void invoke(struct request *r)
{
	char domain[MEDES_NAME_SIZE];
	struct function *f;

	if (!api_domain(r, domain, false))
		return;
	f = function_find(r->daemon->control, domain, r->arg);
	/* it may have been added elsewhere a moment ago */
	if (!f && front_ask(r, domain))
		return;
	f = api_function_of(r, domain);
	if (f && api_may_invoke(r, f) && !front_take(r, f))
		api_invoke_here(r, f, NULL);
}

const struct route api_invoke_routes[] = {
	{ ANY_METHOD, "/v1/functions/*/invoke", invoke, ROUTE_TENANT | ROUTE_RAW },
	{ ANY_METHOD, "/v1/functions/*/invoke/**", invoke, ROUTE_TENANT | ROUTE_RAW },
	{ 0, NULL, NULL, 0 },
};
