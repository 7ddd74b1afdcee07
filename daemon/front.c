// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client's request in a cluster with a controller: from the node that it came to to the
 * controller, and from there to the node that serves it (front_send.c). Clients may ask any node.
 *
 * A node need not have the function: it may have been added a moment ago, at another one. The
 * controller knows.
 *
 * Nothing here can lose more than the time that it costs: a node whose controller cannot be reached
 * serves the request itself, and so does the controller when no other node will.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"
#include "forward.h"
#include "front_parts.h"
#include "function.h"
#include "nodes.h"
#include "obey.h"
#include "reach.h"
#include "steer.h"
#include "text.h"

#define LOOK_US (500 * US_PER_MS)
#define LOOK_SOON_US (50 * US_PER_MS)

static const char *const internal[] = { "Medes-Epoch", "Medes-Id", "Medes-Domain" };

void front_strip(struct evkeyvalq *headers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(internal); i++)
		while (!evhttp_remove_header(headers, internal[i]))
			;
}

/* One more of our requests is at that node, or one less. */
void front_count_flight(struct front *fr, int change)
{
	struct function *f = function_find(fr->of->daemon->control, fr->domain, fr->function);

	if (f && !fr->to_controller)
		steer_flight(fr->of->daemon->steer, fr->node, f, change);
}

void front_free(struct front *fr)
{
	TAILQ_REMOVE(&fr->of->all, fr, link);
	fr->of->n--;
	free(fr);
}

static void on_client_gone(struct request *r)
{
	struct front *fr = r->private;

	if (fr->forward)
		forward_cancel(fr->forward);
	front_count_flight(fr, -1);
	front_free(fr);
	http_reply_raw(r, HTTP_OK, NULL);
}

static struct front *front_new(struct request *r, const char *domain, const char *name)
{
	const struct function *f = function_find(r->daemon->control, domain, name);
	struct fronts *fs = r->daemon->fronts;
	struct front *fr = calloc(1, sizeof(*fr));

	if (!fr)
		return NULL;
	fr->of = fs;
	fr->r = r;
	snprintf(fr->domain, sizeof(fr->domain), "%s", domain);
	snprintf(fr->function, sizeof(fr->function), "%s", name);
	fr->idempotent = (f && f->spec.idempotent) ||
			 evhttp_request_get_command(r->http) == EVHTTP_REQ_GET;
	front_strip(evhttp_request_get_input_headers(r->http));
	TAILQ_INSERT_TAIL(&fs->all, fr, link);
	fs->n++;
	r->private = fr;
	r->gone = on_client_gone;
	return fr;
}

/* False: it has been refused. */
static bool admit(struct request *r)
{
	const struct fronts *fs = r->daemon->fronts;

	if (fs->n < r->daemon->config.max_calls)
		return true;
	http_refuse_later(r, HTTP_SERVUNAVAIL, 1,
			  "the controller serves as many requests as it may (MaxCalls)");
	return false;
}

void front_arrived(struct request *r, struct function *f)
{
	struct front *fr;

	if (!steer_leads(r->daemon->steer)) {
		http_refuse(r, FRONT_MISDIRECTED, "node %s does not lead", r->daemon->config.node);
		return;
	}
	if (!admit(r))
		return;
	fr = front_new(r, f->domain, f->spec.name);
	if (fr)
		front_place(fr);
	else
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory for a request");
}

/* False: there is no controller but this daemon, if that is one. */
static bool pass_on(struct request *r, const char *domain, const char *name)
{
	struct daemon *d = r->daemon;
	const char *controller = obey_controller(d->obey);
	struct front *fr;

	if (!controller || !strcmp(controller, d->config.node) || !nodes_find(d->nodes, controller))
		return false;
	if (!admit(r))
		return true;
	fr = front_new(r, domain, name);
	if (!fr)
		return false;
	fr->to_controller = true;
	strcpy(fr->node, controller);
	if (!front_send(fr))
		front_serve_here(fr);
	return true;
}

/**
 * front_take() - have the cluster serve a client's request
 * @r: the request; answered and freed, maybe later, if this says true
 * @f: of this function
 */
bool front_take(struct request *r, struct function *f)
{
	struct daemon *d = r->daemon;

	if (!d->fronts)
		return false;
	if (!steer_leads(d->steer))
		return pass_on(r, f->domain, f->spec.name);
	front_arrived(r, f);
	return true;
}

/**
 * front_ask() - a client's request for a function that is not here: the controller may know it
 * @r: the request; answered and freed, maybe later, if this says true
 * @domain: of the function, whose name is in the path
 */
bool front_ask(struct request *r, const char *domain)
{
	struct daemon *d = r->daemon;

	return d->fronts && !steer_leads(d->steer) && medes_name_valid(r->arg) &&
	       pass_on(r, domain, r->arg);
}

/**
 * fronts_lost() - a node is out of the controller's reach
 * @fs: the requests
 * @node: its name; what is there is not waited for
 */
void fronts_lost(struct fronts *fs, const char *node)
{
	struct front *fr, *next;

	for (fr = TAILQ_FIRST(&fs->all); fr; fr = next) {
		next = TAILQ_NEXT(fr, link);
		if (!fr->to_controller && !strcmp(fr->node, node))
			front_give_up(fr, "it is out of reach");
	}
}

/* A request waits. However many come, none puts off the look that an earlier one waits for. */
void fronts_look_soon(struct fronts *fs)
{
	uint64_t due = clock_now(fs->daemon->clock) + LOOK_SOON_US;

	if (!timer_is_set(&fs->look) || fs->look.due > due)
		timer_set_at(&fs->look, due);
}

/*
 * A controller that commands us no more will not answer, either. What waits for a node to hear of its
 * function may find one now; if it does not, it looks again soon.
 */
static void on_look(void *arg)
{
	struct fronts *fs = arg;
	const char *controller = obey_controller(fs->daemon->obey);
	struct front *fr, *next;

	timer_set(&fs->look, LOOK_US);
	for (fr = TAILQ_FIRST(&fs->all); fr; fr = next) {
		next = TAILQ_NEXT(fr, link);
		if (fr->waits) {
			fr->waits = false;
			front_place(fr);
		} else if (fr->to_controller &&
			   (!controller || strcmp(fr->node, controller))) {
			front_give_up(fr, "this controller leads no more");
		}
	}
}

json_t *fronts_json(const struct fronts *fs)
{
	return json_pack("{s:i,s:I,s:I,s:I,s:I}", "under_way", fs->n,
			 "passed", (json_int_t)fs->passed, "repeated", (json_int_t)fs->repeated,
			 "moved", (json_int_t)fs->moved, "failed", (json_int_t)fs->failed);
}

struct fronts *fronts_new(struct daemon *d)
{
	struct fronts *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->daemon = d;
	TAILQ_INIT(&fs->all);
	timer_init(&fs->look, d->clock, on_look, fs);
	fs->reach = reach_new(d);
	if (!fs->reach || timer_set(&fs->look, LOOK_US)) {
		fronts_free(fs);
		return NULL;
	}
	return fs;
}

/* The clients are told; the nodes go on. */
void fronts_free(struct fronts *fs)
{
	struct front *fr;

	if (!fs)
		return;
	timer_stop(&fs->look);
	while ((fr = TAILQ_FIRST(&fs->all))) {
		if (fr->forward)
			forward_cancel(fr->forward);
		fr->r->gone = NULL;
		http_refuse_later(fr->r, 502, 1, "medesd ends");
		front_free(fr);
	}
	reach_free(fs->reach);
	free(fs);
}
