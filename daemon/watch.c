// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looks at watched boxes, as often as the policy decides, and tells the controller which ran
 * and which rest.
 *
 * A box rests also while it runs a little: timers of its language's run time fire in the
 * idlest process. Quiet= says how little.
 *
 * Such a box is never frozen: nobody would thaw it for a request that nobody told of. The
 * kernel compares what it stores, so it may run meanwhile; one that does is let alone.
 */
#include <errno.h>
#include <stdlib.h>
#include "function.h"
#include "host.h"
#include "json.h"
#include "log.h"
#include "watch.h"

struct watcher {
	struct daemon *daemon;
	struct activity *activity;
	struct timer timer;
	unsigned int n;
};

static bool ran_more(const struct watcher *w, const struct watch *watch, uint64_t now)
{
	double quiet = w->daemon->config.quiet / 1e3 * (now - watch->looked);

	return watch->cg.sum.ran - watch->ran > quiet;
}

/* It serves somebody: what is under way for it ends, what it used the last time comes back. */
static void runs(struct local *l, uint64_t since)
{
	bool asleep = l->box->state == BOX_DEDUP;

	if (l->box->state == BOX_DEDUPING)
		sleep_stop(l);
	box_runs(l->box, since);
	if (!asleep)
		return;
	sleep_prefetch(l);
	if (!l->restore)
		box_restored(l->box);
}

static void look(struct watcher *w, struct local *l, uint64_t now)
{
	struct watch *watch = &l->watch;

	/* its end is told by its process */
	if (!activity_look(w->activity, &watch->cg, now))
		return;
	if (ran_more(w, watch, now)) {
		runs(l, watch->looked);
		watch->since = watch->cg.sum.last;
	} else {
		box_rests(l->box, watch->since);
	}
	watch->looked = now;
	watch->ran = watch->cg.sum.ran;
}

static void again(struct watcher *w)
{
	timer_set(&w->timer, w->daemon->control->policy.params.interval);
}

static void on_time(void *arg)
{
	struct watcher *w = arg;
	uint64_t now = clock_now(w->daemon->clock);
	struct box *box, *next;
	struct local *l;

	HASH_ITER(hh, w->daemon->control->boxes, box, next) {
		l = box->local;
		if (l && l->watch.cg.source && !box->told)
			look(w, l, now);
	}
	if (w->n)
		again(w);
}

/**
 * watch_add() - watch a box from now on
 * @w: the watcher
 * @l: the box, which has a cgroup
 * @error: receives why not
 */
int watch_add(struct watcher *w, struct local *l, char error[CONTROL_ERROR])
{
	uint64_t now = clock_now(w->daemon->clock);
	struct watch *watch = &l->watch;
	int err = activity_add(w->activity, &l->cell, now, &watch->cg, error);

	if (err)
		return err;
	watch->looked = now;
	watch->since = now;
	watch->ran = watch->cg.sum.ran;
	if (!w->n++)
		again(w);
	return 0;
}

void watch_remove(struct watcher *w, struct local *l)
{
	if (!l->watch.cg.source)
		return;
	activity_remove(w->activity, &l->watch.cg);
	if (!--w->n)
		timer_stop(&w->timer);
}

/* How are they watched, and why not better? A new reference. */
json_t *watcher_json(const struct watcher *w)
{
	const char *why, *source = activity_name(w->activity, &why);

	return json_pack("{s:s?,s:o,s:I}", "source", source, "why",
			 why ? medes_json_text(why) : json_null(), "sandboxes", (json_int_t)w->n);
}

struct watcher *watcher_new(struct daemon *daemon)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->daemon = daemon;
	w->activity = activity_new(daemon->config.ebpf);
	if (!w->activity) {
		free(w);
		return NULL;
	}
	timer_init(&w->timer, daemon->clock, on_time, w);
	return w;
}

void watcher_free(struct watcher *w)
{
	if (!w)
		return;
	timer_stop(&w->timer);
	activity_free(w->activity);
	free(w);
}
