// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is there memory for one more box, or for bringing one back?
 *
 * A deduplicated box has a right to its memory, and a burst of requests brings many
 * back at once. So a start must leave room for the largest restores that may be
 * under way at once (the reserve); a restore may use it up.
 *
 * What a box takes is what was measured, of it or of its function; until then, what
 * its spec allows, or an assumption. So sums are estimates; the second bound, on what the machine
 * says is available, is not.
 */
#include "function.h"

/* Bytes that a new box of a function is going to take. */
double admit_new_box(const struct function *f)
{
	double assumed = f->control->limits.assumed;

	if (f->measure.memory_warm.n)
		return f->measure.memory_warm.value;
	return f->spec.memory && f->spec.memory < assumed ? f->spec.memory : assumed;
}

static double when_warm(const struct box *box)
{
	return box->memory > 0 ? box->memory : admit_new_box(box->function);
}

static double when_dedup(const struct box *box)
{
	return box->memory_dedup < when_warm(box) ? box->memory_dedup : when_warm(box);
}

/* Bytes that a box takes now. */
double admit_box(const struct box *box)
{
	return box->state == BOX_DEDUP ? when_dedup(box) : when_warm(box);
}

/* Requests bring back a part only: twice what they did so far, all if nothing is known. */
static double restore_cost(const struct box *box)
{
	const struct average *restored = &box->function->measure.memory_restore;
	double all = when_warm(box) - when_dedup(box);

	return restored->n && 2 * restored->value < all ? 2 * restored->value : all;
}

double admit_used(const struct control *c)
{
	double sum = c->ops->overhead(c->host);
	const struct box *box;

	for (box = c->boxes; box; box = box->hh.next)
		sum += admit_box(box);
	return sum;
}

/**
 * admit_reserve() - bytes that starts must leave for restores
 * @c: the controller
 *
 * Return: the most that the restores could take that may still begin.
 */
double admit_reserve(const struct control *c)
{
	unsigned int asleep = 0, at_once;
	const struct box *box;
	double most = 0;

	for (box = c->boxes; box; box = box->hh.next) {
		if (box->state != BOX_DEDUP)
			continue;
		asleep++;
		if (restore_cost(box) > most)
			most = restore_cost(box);
	}
	at_once = c->limits.max_dedup_starts - c->n_restoring;
	return most * (asleep < at_once ? asleep : at_once);
}

/* Bytes that are missing to take so many more; 0 or less: they are there. */
static double missing(const struct control *c, double bytes)
{
	double available, stalled, by_sum = 0, by_machine = 0;

	if (c->limits.capacity > 0)
		by_sum = admit_used(c) + bytes - c->limits.capacity;
	if (c->ops->pressure(c->host, &available, &stalled))
		by_machine = bytes + c->limits.floor - available;
	return by_sum > by_machine ? by_sum : by_machine;
}

/* Bytes that come free by themselves, soon. */
static double on_the_way(const struct control *c)
{
	const struct box *box;
	double sum = 0;

	for (box = c->boxes; box; box = box->hh.next) {
		if (box->state == BOX_ENDING)
			sum += when_warm(box);
		else if (box->state == BOX_DEDUPING && box->function->measure.memory_dedup.n)
			sum += when_warm(box) - box->function->measure.memory_dedup.value;
	}
	return sum;
}

static bool admit(struct control *c, double bytes, bool make_room)
{
	double less = missing(c, bytes);

	if (less <= 0)
		return true;
	less -= on_the_way(c);
	if (make_room && less > 0)
		life_make_room(c, less);
	return false;
}

/**
 * admit_start() - may one more box start?
 * @f: its function
 * @make_room: if not, free memory, so that it may later
 */
bool admit_start(struct function *f, bool make_room)
{
	return admit(f->control, admit_new_box(f) + admit_reserve(f->control), make_room);
}

/**
 * admit_restore() - may a deduplicated box come back?
 * @box: the box; if not, memory is freed, so that it may later
 */
bool admit_restore(struct box *box)
{
	/* on its way to being deduplicated: it has its memory yet */
	if (box->state == BOX_DEDUPING)
		return true;
	return admit(box->function->control, restore_cost(box), true);
}
