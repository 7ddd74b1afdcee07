// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node's end of the cluster's controller.
 *
 * The controller speaks to each node again and again, whether it has anything to command or not.
 * As long as it does, this node's own policy decides nothing but what its machine needs at
 * once (life.c); when it has been silent for as long as it said, the node goes on by itself.
 *
 * A command is obeyed by epoch (epoch.c), which is written down first. Its acts have ids, and what
 * became of each is remembered: an act that comes again, since its answer was lost, is not
 * done again but answered as the first time. The memory ends with the process; an act that was
 * meant for an earlier life of the daemon is refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/http.h>
#include <uthash.h>
#include "acts.h"
#include "control.h"
#include "daemon.h"
#include "json.h"
#include "leases.h"
#include "log.h"
#include "obey.h"
#include "random.h"
#include "report.h"

#define REMEMBERED 2048
#define ID_SIZE 80
#define ACTS_MAX 4096
#define HOLD_MAX_MS 600000

struct done {
	UT_hash_handle hh;
	char id[ID_SIZE];
	json_t *result;			/* NULL: the place is free */
};

struct obey {
	struct daemon *daemon;
	char life[20];			/* of this process, as no other's */
	char controller[MEDES_NAME_SIZE];
	struct done *by_id;
	struct done done[REMEMBERED];	/* the oldest is at next */
	unsigned int next;
};

/**
 * obey_new() - obey whoever leads
 * @d: the daemon, whose leases say who may command
 */
struct obey *obey_new(struct daemon *d)
{
	struct obey *o = calloc(1, sizeof(*o));
	struct rng rng;

	if (!o)
		return NULL;
	o->daemon = d;
	rng_seed_any(&rng);
	snprintf(o->life, sizeof(o->life), "%08x%08x", rng_below(&rng, UINT32_MAX),
		 rng_below(&rng, UINT32_MAX));
	return o;
}

static void forget(struct obey *o, struct done *done)
{
	if (!done->result)
		return;
	HASH_DEL(o->by_id, done);
	json_decref(done->result);
	done->result = NULL;
}

void obey_free(struct obey *o)
{
	size_t i;

	if (!o)
		return;
	for (i = 0; i < REMEMBERED; i++)
		forget(o, &o->done[i]);
	free(o);
}

const char *obey_life(const struct obey *o)
{
	return o->life;
}

/**
 * obey_controller() - who commands this node
 * @o: the node's end
 *
 * Return: its name, or NULL when nobody does now.
 */
const char *obey_controller(const struct obey *o)
{
	const struct control *c = o->daemon->control;

	return clock_now(c->clock) < c->steered_until ? o->controller : NULL;
}

static json_t *refusal(const char *error)
{
	return json_pack("{s:o}", "error", medes_json_text(error));
}

/**
 * obey_check() - may a controller command this node
 * @o: the node's end
 * @peer: the controller, as its certificate says
 * @epoch: of the command
 * @answer: receives the refusal
 *
 * Return: 200; OBEY_SUPERSEDED, or 503 when the epoch could not be written down.
 */
int obey_check(struct obey *o, const char *peer, uint64_t epoch, json_t **answer)
{
	char error[400];
	int err = leases_obey(o->daemon->leases, epoch, peer, error, sizeof(error));

	if (!err)
		return HTTP_OK;
	*answer = refusal(error);
	if (err != -ESTALE)
		return HTTP_SERVUNAVAIL;
	leases_obeyed(o->daemon->leases, &epoch, NULL);
	json_object_set_new(*answer, "obeyed_epoch", json_integer(epoch));
	return OBEY_SUPERSEDED;
}

static json_t *remember(struct obey *o, const char *id, json_t *result)
{
	struct done *done = &o->done[o->next];

	o->next = (o->next + 1) % REMEMBERED;
	forget(o, done);
	snprintf(done->id, sizeof(done->id), "%s", id);
	done->result = json_incref(result);
	HASH_ADD_STR(o->by_id, id, done);
	return result;
}

/* What becomes of an act, or became of it. A new reference. */
static json_t *do_once(struct obey *o, const json_t *act, bool meant)
{
	const char *id = json_string_value(json_object_get(act, "id"));
	char error[ACT_ERROR] = "";
	struct done *done;
	json_t *result;
	int err;

	if (!id || !*id || strlen(id) >= ID_SIZE)
		return refusal("an act needs an id of at most 79 characters");
	HASH_FIND_STR(o->by_id, id, done);
	if (done)
		return json_incref(done->result);
	result = json_pack("{s:o}", "id", medes_json_text(id));
	if (meant) {
		err = act_do(o->daemon, act, result, error);
	} else {
		err = -ESTALE;
		snprintf(error, sizeof(error), "it was meant for an earlier life of this daemon");
	}
	json_object_set_new(result, "done", json_boolean(!err));
	if (err)
		json_object_set_new(result, "error", medes_json_text(error));
	return remember(o, id, result);
}

static void take_hold(struct obey *o, const char *peer, uint64_t epoch, json_int_t hold)
{
	struct control *c = o->daemon->control;

	if (strcmp(o->controller, peer))
		log_notice("controller %s commands this node, epoch %" PRIu64, peer, epoch);
	snprintf(o->controller, sizeof(o->controller), "%s", peer);
	c->steered_until = clock_now(c->clock) + hold * US_PER_MS;
}

/**
 * obey_command() - do what the controller says, and tell how things are
 * @o: the node's end
 * @peer: who says it, as its certificate says
 * @body: {"epoch", "hold_ms", "life", "acts"}
 * @answer: receives {"results", "report"}, or the refusal
 *
 * Return: the status, of HTTP.
 */
int obey_command(struct obey *o, const char *peer, const json_t *body, json_t **answer)
{
	json_int_t epoch, hold;
	const char *life;
	json_t *acts, *act, *results;
	size_t i;
	int status;

	if (json_unpack((json_t *)body, "{s:I,s:I,s:s,s:o!}", "epoch", &epoch, "hold_ms", &hold,
			"life", &life, "acts", &acts) || epoch < 1 || hold < 0 ||
	    hold > HOLD_MAX_MS || !json_is_array(acts) || json_array_size(acts) > ACTS_MAX) {
		*answer = refusal("want epoch, hold_ms, life and an array of acts");
		return 422;
	}
	status = obey_check(o, peer, epoch, answer);
	if (status != HTTP_OK)
		return status;
	take_hold(o, peer, epoch, hold);
	results = json_array();
	json_array_foreach(acts, i, act)
		json_array_append_new(results, do_once(o, act, !strcmp(life, o->life)));
	*answer = json_pack("{s:o,s:o}", "results", results, "report", report_json(o->daemon));
	return *answer ? HTTP_OK : HTTP_SERVUNAVAIL;
}
