// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The simulated machine: a box is a timer for what is under way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "simhost.h"

enum doing { NOTHING, STARTING, DEDUPING, WAKING, RESTORING, ENDING };

struct sim_box {
	struct sim *sim;
	struct box *box;
	struct timer timer;
	enum doing doing;
	bool fails;
	bool demarcate;
	bool away;			/* deduplicated */
};

static void note_memory(struct sim *sim)
{
	double used = sim_used(sim);

	if (used > sim->used_most)
		sim->used_most = used;
}

double sim_used(const struct sim *sim)
{
	const struct sim_box *s;
	const struct box *box;
	double sum = 0;

	for (box = sim->control->boxes; box; box = box->hh.next) {
		s = box->local;
		sum += s && s->away ? sim->asleep : sim->warm;
	}
	return sum;
}

static void finish(struct sim_box *s, const char *why)
{
	struct box *box = s->box;
	struct sim *sim = s->sim;

	timer_stop(&s->timer);
	if (s->doing == DEDUPING)
		sim->deduping--;
	if (s->doing == RESTORING || s->doing == WAKING)
		sim->restoring--;
	free(s);
	box->local = NULL;
	sim->ended++;
	box_ended(box, why);
}

static void on_timer(void *arg)
{
	struct sim_box *s = arg;
	struct sim *sim = s->sim;
	enum doing doing = s->doing;

	s->doing = NOTHING;
	switch (doing) {
	case STARTING:
		if (s->fails)
			finish(s, "it did not start");
		else
			box_started(s->box);
		break;
	case DEDUPING:
		sim->deduping--;
		if (s->fails) {
			box_deduped(s->box, -1, "it could not be");
			break;
		}
		s->away = true;
		sim->deduped++;
		sim->demarcated += s->demarcate;
		if (s->demarcate)
			function_base(s->box->function, sim->demarcated);
		box_deduped(s->box, 0, NULL);
		break;
	case WAKING:
		s->doing = RESTORING;
		timer_set(&s->timer, sim->restore_time);
		box_awake(s->box);
		break;
	case RESTORING:
		sim->restoring--;
		box_restored(s->box);
		break;
	case ENDING:
		finish(s, "it was ended");
		break;
	default:
		fail_msg("a timer of nothing");
	}
	note_memory(sim);
}

static void begin(struct sim_box *s, enum doing doing, uint64_t time)
{
	s->doing = doing;
	timer_set(&s->timer, time);
}

static int sim_start(void *host, struct box *box, char error[CONTROL_ERROR])
{
	struct sim *sim = host;
	struct sim_box *s = calloc(1, sizeof(*s));

	(void)error;
	s->sim = sim;
	s->box = box;
	s->fails = sim->starts_fail;
	if (sim->starts_fail)
		sim->starts_fail--;
	box->local = s;
	sim->started++;
	timer_init(&s->timer, sim->clock, on_timer, s);
	begin(s, STARTING, sim->start_time);
	note_memory(sim);
	return 0;
}

static void sim_end(void *host, struct box *box)
{
	struct sim_box *s = box->local;
	struct sim *sim = host;

	if (s->doing == DEDUPING)
		sim->deduping--;
	if (s->doing == RESTORING || s->doing == WAKING)
		sim->restoring--;
	begin(s, ENDING, 10 * US_PER_MS);
}

static void sim_dedup(void *host, struct box *box, bool demarcate)
{
	struct sim_box *s = box->local;
	struct sim *sim = host;

	assert_true(s->doing == NOTHING);
	s->demarcate = demarcate;
	s->fails = sim->dedups_fail;
	if (sim->dedups_fail)
		sim->dedups_fail--;
	if (++sim->deduping > sim->deduping_most)
		sim->deduping_most = sim->deduping;
	begin(s, DEDUPING, sim->dedup_time);
}

static void sim_wake(void *host, struct box *box)
{
	struct sim_box *s = box->local;
	struct sim *sim = host;

	if (s->doing == DEDUPING)
		sim->deduping--;
	s->away = false;
	sim->woken++;
	if (++sim->restoring > sim->restoring_most)
		sim->restoring_most = sim->restoring;
	begin(s, WAKING, 0);
	note_memory(sim);
}

static double sim_memory(void *host, const struct box *box, double *whole)
{
	const struct sim_box *s = box->local;
	struct sim *sim = host;

	*whole = sim->warm;
	return s->away ? sim->asleep : sim->warm;
}

static double sim_overhead(void *host)
{
	(void)host;
	return 0;
}

static bool sim_pressure(void *host, double *available, double *stalled)
{
	struct sim *sim = host;

	*stalled = 0;
	*available = sim->total - sim_used(sim);
	return sim->total > 0;
}

static void sim_bases(void *host)
{
	struct sim *sim = host;
	struct function *f;
	struct base *base;

	for (f = sim->control->functions; f; f = f->hh.next)
		TAILQ_FOREACH(base, &f->bases, link)
			base->users = 1;
}

static void sim_retire(void *host, uint64_t base)
{
	(void)host, (void)base;
}

static bool sim_dedups(void *host)
{
	return ((struct sim *)host)->module;
}

static const struct host_ops ops = {
	.start = sim_start, .end = sim_end, .dedup = sim_dedup, .wake = sim_wake,
	.memory = sim_memory, .overhead = sim_overhead, .pressure = sim_pressure,
	.bases = sim_bases, .retire = sim_retire, .dedups = sim_dedups,
};

struct sim *sim_new_at(struct clock *clock, uint64_t seed)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	*sim = (struct sim){
		.start_time = US_PER_S, .dedup_time = 2 * US_PER_S,
		.restore_time = 100 * US_PER_MS, .run_time = 200 * US_PER_MS,
		.warm = 50 << 20, .asleep = 10 << 20, .module = true,
	};
	sim->clock = clock;
	sim->shared = true;
	rng_seed(&sim->rng, seed);
	sim->control = control_new(sim->clock, seed, &ops, sim);
	return sim;
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *sim = sim_new_at(clock_simulated_new(), seed);

	sim->shared = false;
	return sim;
}

void sim_free(struct sim *sim)
{
	struct box *box, *next;
	struct sim_box *s;

	control_end_calls(sim->control);
	HASH_ITER(hh, sim->control->boxes, box, next) {
		s = box->local;
		timer_stop(&s->timer);
		free(s);
	}
	control_free(sim->control);
	if (!sim->shared)
		clock_free(sim->clock);
	free(sim);
}

struct function *sim_function(struct sim *sim, const char *name, const char *text)
{
	json_t *body = json_loads(text, 0, NULL);
	struct spec spec = { 0 };
	char error[SPEC_ERROR];

	assert_non_null(body);
	json_object_set_new(body, "name", json_string(name));
	if (!json_object_get(body, "command"))
		json_object_set_new(body, "command", json_pack("[s]", "/bin/true"));
	if (spec_parse(&spec, body, error))
		fail_msg("%s", error);
	json_decref(body);
	return function_put(sim->control, "test", &spec);
}

void sim_run(struct sim *sim, double seconds)
{
	clock_run_until(sim->clock, clock_now(sim->clock) + seconds * US_PER_S);
}

static void on_answer(void *arg)
{
	struct sim_call *c = arg;

	c->answered = true;
	call_done(&c->call);
}

static void on_ready(struct call *call)
{
	struct sim_call *c = (struct sim_call *)call;

	c->tries++;
	c->start = call->start;
	c->waited = call_start_ms(call);
	if (!c->sim->hang && !call->lease)
		timer_set(&c->timer, c->sim->run_time);
}

static void on_failed(struct call *call, int status, unsigned int retry_after, const char *why)
{
	struct sim_call *c = (struct sim_call *)call;

	timer_stop(&c->timer);
	c->status = status;
	c->retry_after = retry_after;
	snprintf(c->why, sizeof(c->why), "%s", why);
}

static void on_again(struct call *call)
{
	timer_stop(&((struct sim_call *)call)->timer);
}

static const struct call_ops call_ops = {
	.ready = on_ready, .failed = on_failed, .again = on_again,
};

static struct sim_call *call_new(struct sim *sim)
{
	struct sim_call *c = calloc(1, sizeof(*c));

	c->sim = sim;
	c->call.ops = &call_ops;
	timer_init(&c->timer, sim->clock, on_answer, c);
	return c;
}

struct sim_call *sim_ask(struct sim *sim, struct function *f)
{
	struct sim_call *c = call_new(sim);

	c->call.idempotent = f->spec.idempotent;
	call_submit(&c->call, f, NULL);
	return c;
}

struct sim_call *sim_lease(struct sim *sim, struct function *f, struct box *only)
{
	struct sim_call *c = call_new(sim);

	c->call.lease = true;
	call_submit(&c->call, f, only);
	return c;
}

void sim_end_box(struct sim *sim, struct box *box, const char *why)
{
	(void)sim;
	finish(box->local, why);
}
