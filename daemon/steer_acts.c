// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The controller's acts: what a node was told to do, until it is known what became of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "log.h"
#include "steer.h"

#define ACTS_MAX 4000

/**
 * steer_act() - have a node do something
 * @sn: the node
 * @act: an object, whose reference is taken; it gets an id
 */
void steer_act(struct steer_node *sn, json_t *act)
{
	struct steer *s = sn->steer;
	char id[80];

	snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, s->epoch, ++s->serial);
	if (!act || json_array_size(sn->acts) >= ACTS_MAX ||
	    json_object_set_new(act, "id", json_string(id))) {
		json_decref(act);
		return;
	}
	json_array_append_new(sn->acts, act);
	s->acts++;
}

/* Is there an act whose key has that value, and of which nothing was heard yet? */
bool steer_is_pending(const struct steer_node *sn, const char *key, const char *value)
{
	const char *text;
	json_t *act;
	size_t i;

	json_array_foreach(sn->acts, i, act) {
		text = json_string_value(json_object_get(act, key));
		if (text && !strcmp(text, value))
			return true;
	}
	return false;
}

static void drop_act(struct steer_node *sn, const char *id)
{
	const char *text;
	json_t *act;
	size_t i;

	json_array_foreach(sn->acts, i, act) {
		text = json_string_value(json_object_get(act, "id"));
		if (!text || strcmp(text, id))
			continue;
		json_array_remove(sn->acts, i);
		return;
	}
}

/**
 * steer_results() - what became of acts
 * @sn: the node
 * @results: an array; those that it tells of are not sent again
 */
void steer_results(struct steer_node *sn, const json_t *results)
{
	const char *id, *error;
	json_t *result;
	size_t i;

	json_array_foreach(results, i, result) {
		id = json_string_value(json_object_get(result, "id"));
		error = json_string_value(json_object_get(result, "error"));
		if (error)
			log_debug("controller: node %s: %s", sn->name, error);
		else if (json_object_get(result, "spec"))
			sync_told(sn->steer, result);
		if (id)
			drop_act(sn, id);
	}
}
