// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A node's report: all that the controller needs to know to decide, each time anew and whole. It
 * is the truth about this node, and whatever the controller believed before is replaced by it.
 */
#include "box.h"
#include "catalogue.h"
#include "daemon.h"
#include "function.h"
#include "json.h"
#include "measure_json.h"
#include "nodes.h"
#include "obey.h"
#include "report.h"

static json_t *memory_json(struct control *c)
{
	double available = 0, stalled = 0;
	bool known = c->ops->pressure(c->host, &available, &stalled);

	return json_pack("{s:b,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "known", known,
			 "available", available, "stalled", stalled,
			 "floor", c->limits.floor, "capacity", c->limits.capacity,
			 "used", admit_used(c), "overhead", c->ops->overhead(c->host),
			 "reserve", admit_reserve(c));
}

/* Is it used by others than the controller, who know nothing of it? */
static bool is_foreign(const struct box *box)
{
	const struct call *call;

	TAILQ_FOREACH(call, &box->calls, link)
		if (!call->steered)
			return true;
	return box->state == BOX_RUNNING && !box->in_flight;
}

static json_t *box_row(struct box *box, uint64_t now)
{
	bool stuck = box->stuck_until > now || box->restoring;

	return json_pack("{s:s,s:s,s:I,s:f,s:b,s:b,s:b,s:b,s:b}", "name", box->name,
			 "life", box_state_name(box->state),
			 "idle_ms", (json_int_t)((now - box->idle_since) / US_PER_MS),
			 "memory", box->state == BOX_DEDUP ? box->memory_dedup : box->memory,
			 "adopted", box->adopted, "stuck", stuck, "foreign", is_foreign(box),
			 "stranded", box->stranded,
			 "demarcates", box->state == BOX_DEDUPING && box->demarcates);
}

static json_t *boxes_json(struct function *f, uint64_t now)
{
	json_t *array = json_array();
	struct box *box;

	TAILQ_FOREACH(box, &f->boxes, link)
		if (box->state != BOX_ENDING && box->state != BOX_LOST && !box->old)
			json_array_append_new(array, box_row(box, now));
	return array;
}

static const struct offer *offer_of(const struct daemon *d, uint64_t base)
{
	size_t i;

	for (i = 0; d->nodes && i < d->nodes->n_offers; i++)
		if (d->nodes->offers[i].base == base)
			return &d->nodes->offers[i];
	return NULL;
}

static json_t *bases_json(const struct daemon *d, struct function *f, uint64_t now)
{
	json_t *array = json_array(), *row;
	const struct offer *offer;
	struct base *base;

	TAILQ_FOREACH(base, &f->bases, link) {
		offer = offer_of(d, base->id);
		row = json_pack("{s:o,s:b,s:b,s:I,s:I,s:I}", "base", medes_json_id(base->id),
				"import", base->import, "retired", base->retired,
				"users", (json_int_t)base->users,
				"leases", (json_int_t)(offer ? offer->leases : base->leased),
				"age_ms", (json_int_t)((now - base->made) / US_PER_MS));
		if (offer)
			json_object_set_new(row, "digest", medes_json_id(offer->digest));
		json_array_append_new(array, row);
	}
	return array;
}

static json_t *function_row(struct daemon *d, struct function *f, uint64_t now)
{
	struct known known;
	json_t *row;

	catalogue_find(d, f->domain, f->spec.name, &known);
	row = known_json(&known);
	json_object_update_new(row, json_pack("{s:b,s:I,s:f,s:o,s:o,s:o}",
					      "backs_off", function_backs_off(f),
					      "queued", (json_int_t)f->queued,
					      "new_box", admit_new_box(f),
					      "measure", measure_json(&f->measure, now),
					      "sandboxes", boxes_json(f, now),
					      "bases", bases_json(d, f, now)));
	return row;
}

static void add_removed(const struct known *known, void *arg)
{
	json_array_append_new(arg, known_json(known));
}

/**
 * report_json() - what there is on this node, now
 * @d: the daemon
 */
json_t *report_json(struct daemon *d)
{
	struct control *c = d->control;
	uint64_t now = clock_now(c->clock);
	json_t *functions = json_array();
	unsigned int boxes = HASH_COUNT(c->boxes);
	struct function *f;

	for (f = c->functions; f; f = f->hh.next)
		json_array_append_new(functions, function_row(d, f, now));
	catalogue_each_removed(d, add_removed, functions);
	return json_pack("{s:s,s:s,s:b,s:b,s:b,s:b,s:I,s:I,s:I,s:o,s:o}", "node", d->config.node,
			 "life", obey_life(d->obey),
			 "serves", d->config.serve,
			 "cordoned", d->nodes && d->nodes->cordoned,
			 "draining", d->nodes && d->nodes->draining,
			 "dedups", c->ops->dedups(c->host),
			 "dedups_free", (json_int_t)c->limits.max_dedups - c->n_deduping,
			 "restores_free", (json_int_t)c->limits.max_dedup_starts - c->n_restoring,
			 "boxes_free", (json_int_t)c->limits.max_boxes - boxes,
			 "memory", memory_json(c), "functions", functions);
}
