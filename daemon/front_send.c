// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a client's request is sent, and what becomes of it there.
 *
 * The controller sends it to the best node; one that refuses is left out, and the next one is
 * tried. What has reached a node and broke is asked for once more by its id, which does not run
 * it twice (replay.c). Only when the node is lost with a request that it may have run, and that
 * nobody declared idempotent, the client is told so (502).
 *
 * The client's own copy of the request is what is sent: it is there as long as the client is, and
 * nobody else wants the answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include "api.h"
#include "forward.h"
#include "front_parts.h"
#include "function.h"
#include "obey.h"
#include "reach.h"
#include "steer.h"

#define MARGIN_MS 5000

/* How long a function may take that is not here yet; that its controller is lost is noticed before. */
#define UNKNOWN_MS 3600000

static struct function *function_of(const struct front *fr)
{
	return function_find(fr->of->daemon->control, fr->domain, fr->function);
}

static void refuse(struct front *fr, int status, unsigned int retry_after, const char *why)
{
	struct request *r = fr->r;

	fr->of->failed++;
	front_free(fr);
	http_refuse_later(r, status, retry_after, why);
}

/* By a sandbox of this node, as if there were no other. */
void front_serve_here(struct front *fr)
{
	struct function *f = function_of(fr);
	struct request *r = fr->r;

	if (!f) {
		refuse(fr, HTTP_NOTFOUND, 0, fr->to_controller ?
		       "no such function is on this node, and its controller cannot be asked" :
		       "the function was removed");
		return;
	}
	r->gone = NULL;
	front_free(fr);
	api_invoke_here(r, f, NULL);
}

static bool was_tried(const char *node, void *arg)
{
	const struct front *fr = arg;
	unsigned int i;

	for (i = 0; i < fr->n_tried; i++)
		if (!strcmp(fr->tried[i], node))
			return true;
	return fr->n_tried == FRONT_TRIED_MAX;
}

/* Not that node any more, for this request. */
static void exclude(struct front *fr)
{
	if (fr->n_tried < FRONT_TRIED_MAX)
		strcpy(fr->tried[fr->n_tried++], fr->node);
}

/* It may have run there. */
static void lost_there(struct front *fr, const char *why)
{
	char text[600];

	if (!fr->idempotent) {
		snprintf(text, sizeof(text),
			 "node %s: %s; it may have served the request, which is not repeated, since it is not known to be idempotent",
			 fr->node, why);
		refuse(fr, 502, 0, text);
		return;
	}
	fr->of->moved++;
	exclude(fr);
	if (fr->to_controller)
		front_serve_here(fr);
	else
		front_place(fr);
}

static void pass_answer(struct front *fr, struct evhttp_request *answer)
{
	struct request *r = fr->r;

	forward_copy_headers(evhttp_request_get_input_headers(answer),
			     evhttp_request_get_output_headers(r->http));
	fr->of->passed++;
	front_free(fr);
	http_reply_raw(r, evhttp_request_get_response_code(answer),
		       evhttp_request_get_input_buffer(answer));
}

static void keep_refusal(struct front *fr, struct evhttp_request *answer)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(answer);
	size_t len = evbuffer_get_length(body);
	json_t *object = json_loadb(len ? (const char *)evbuffer_pullup(body, -1) : "", len, 0, NULL);
	const char *error = json_string_value(json_object_get(object, "error"));

	fr->status = evhttp_request_get_response_code(answer);
	snprintf(fr->why, sizeof(fr->why), "node %s: %s", fr->node, error ? error : "it refuses");
	json_decref(object);
}

/* The node's own words, not the function's: those say how the sandbox was started. */
static bool is_refusal(struct evhttp_request *answer, const char **start)
{
	*start = evhttp_find_header(evhttp_request_get_input_headers(answer), "Medes-Start");
	return !*start;
}

static void on_node_answer(struct front *fr, struct evhttp_request *answer)
{
	struct daemon *d = fr->of->daemon;
	struct function *f = function_of(fr);
	const char *start;

	if (!is_refusal(answer, &start)) {
		if (f)
			steer_started(d->steer, fr->node, f, !strcmp(start, "cold") ? START_COLD :
				      !strcmp(start, "dedup") ? START_DEDUP : START_WARM);
		pass_answer(fr, answer);
		return;
	}
	switch (evhttp_request_get_response_code(answer)) {
	case OBEY_SUPERSEDED:
		/* the next round of commands finds out what that means for us */
		steer_soon(d->steer);
		front_serve_here(fr);
		return;
	case HTTP_NOTFOUND:		/* it has not heard of the function yet */
		fr->unheard = true;
		exclude(fr);
		front_place(fr);
		return;
	case 403:
	case 429:
	case HTTP_SERVUNAVAIL:
		keep_refusal(fr, answer);
		exclude(fr);
		front_place(fr);
		return;
	default:
		pass_answer(fr, answer);
	}
}

/* Not a byte got there: others need not find that out. This request is not to be told of it, too. */
static void suspect(struct front *fr)
{
	char node[MEDES_NAME_SIZE];

	strcpy(node, fr->node);
	fr->node[0] = '\0';
	steer_suspect(fr->of->daemon->steer, node);
	strcpy(fr->node, node);
}

/* The connection broke, or the daemon there did: those that idle may be no better. */
static void lost_or_again(struct front *fr, const char *why)
{
	struct lines *lines = reach_lines(fr->of->reach, fr->node);

	if (lines)
		lines_drop(lines);
	if (fr->to_controller || fr->repeated) {
		lost_there(fr, why);
		return;
	}
	fr->repeated = true;
	fr->of->repeated++;
	if (!front_send(fr))
		lost_there(fr, why);
}

static void on_answer(struct evhttp_request *answer, bool sent, const char *why, void *arg)
{
	struct front *fr = arg;

	fr->forward = NULL;
	front_count_flight(fr, -1);
	if (!answer && !sent && !fr->to_controller)
		suspect(fr);
	if (fr->to_controller && answer &&
	    evhttp_request_get_response_code(answer) != FRONT_MISDIRECTED) {
		pass_answer(fr, answer);
	} else if (answer && !fr->to_controller) {
		on_node_answer(fr, answer);
	} else if (answer || (!sent && fr->to_controller)) {
		front_serve_here(fr);
	} else if (!sent && !fr->repeated) {
		snprintf(fr->why, sizeof(fr->why), "node %s: %s", fr->node, why);
		fr->status = HTTP_SERVUNAVAIL;
		exclude(fr);
		front_place(fr);
	} else {
		lost_or_again(fr, why);
	}
}

static char *path_of(const struct front *fr)
{
	const struct request *r = fr->r;
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->http));
	char *name = evhttp_uriencode(fr->function, -1, 0), *path = NULL;

	if (name && asprintf(&path, "/v1/cluster/functions/%s/%s%s%s%s", name,
			     fr->to_controller ? "front" : "invoke", r->tail ? r->tail : "",
			     query ? "?" : "", query ? query : "") < 0)
		path = NULL;
	free(name);
	return path;
}

/* As long as the function may take, and a little more: the node itself ends it in time. */
static unsigned int patience(const struct front *fr)
{
	const struct function *f = function_of(fr);

	return MARGIN_MS + (f ? f->spec.queue_timeout + f->spec.start_timeout +
			    f->spec.request_timeout : UNKNOWN_MS);
}

static void add_own(const struct front *fr, struct evkeyvalq *own)
{
	const struct steer *s = fr->of->daemon->steer;
	char epoch[24];

	TAILQ_INIT(own);
	evhttp_add_header(own, "Medes-Domain", fr->domain);
	if (fr->to_controller)
		return;
	snprintf(epoch, sizeof(epoch), "%" PRIu64, s->epoch);
	evhttp_add_header(own, "Medes-Epoch", epoch);
	evhttp_add_header(own, "Medes-Id", fr->id);
}

/* To fr->node. False: it cannot be sent. */
bool front_send(struct front *fr)
{
	struct lines *lines = reach_lines(fr->of->reach, fr->node);
	struct evhttp_request *http = fr->r->http;
	struct forward_request request = {
		.method = evhttp_request_get_command(http),
		.headers = evhttp_request_get_input_headers(http),
		.body = evhttp_request_get_input_buffer(http), .timeout = patience(fr),
	};
	char *path = path_of(fr);
	struct evkeyvalq own;

	request.path = path;
	request.own = &own;
	add_own(fr, &own);
	if (lines && path)
		fr->forward = forward_start(lines, &request, on_answer, fr);
	evhttp_clear_headers(&own);
	free(path);
	if (fr->forward)
		front_count_flight(fr, 1);
	return fr->forward;
}

/*
 * A controller that runs no sandboxes has nowhere to send a request to while no node has heard of
 * the function. That is over in a moment, unless the nodes are away.
 */
static bool wait_for_node(struct front *fr, const struct function *f)
{
	struct daemon *d = fr->of->daemon;
	uint64_t now = clock_now(d->clock);

	if (d->config.serve || !f || !steer_leads(d->steer) ||
	    !(fr->unheard || steer_promises(d->steer, f)))
		return false;
	if (!fr->waits_until)
		fr->waits_until = now + f->spec.queue_timeout * US_PER_MS;
	if (now >= fr->waits_until)
		return false;
	fr->node[0] = '\0';
	fr->n_tried = 0;
	fr->unheard = false;
	fr->waits = true;
	fronts_look_soon(fr->of);
	return true;
}

/* The controller: to the best node of those that have not refused. */
void front_place(struct front *fr)
{
	struct daemon *d = fr->of->daemon;
	struct function *f = function_of(fr);
	struct steer_node *sn = f && steer_leads(d->steer) ?
				steer_choose(d->steer, f, was_tried, fr) : NULL;

	if (!sn && fr->status) {
		refuse(fr, fr->status, 1, fr->why);
		return;
	}
	if (!sn && wait_for_node(fr, f))
		return;
	if (!sn || sn->self) {
		front_serve_here(fr);
		return;
	}
	strcpy(fr->node, sn->name);
	fr->repeated = false;
	snprintf(fr->id, sizeof(fr->id), "%s-%" PRIu64, obey_life(d->obey), ++fr->of->serial);
	if (front_send(fr))
		return;
	exclude(fr);
	front_place(fr);
}

/* It is not waited for any more. */
void front_give_up(struct front *fr, const char *why)
{
	if (fr->forward)
		forward_cancel(fr->forward);
	fr->forward = NULL;
	front_count_flight(fr, -1);
	lost_there(fr, why);
}
