// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The simulated machine. The applications' figures are what Documentation/demo.rst's run
 * measured in an emulated guest with two processors; each time varies by some percent.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "function.h"
#include "machine.h"

#define MIB (1024.0 * 1024)
#define WAKE_US (5 * US_PER_MS)
#define EXIT_US (20 * US_PER_MS)
#define AGAIN 0.15			/* share of a base that a second one of the application adds */
#define ALONE 0.3			/* of a box's memory is left without any base */
#define OTHERS 0.21			/* with the bases of other applications */

static const struct application applications[] = {
	{ "vanilla", 1.5, 0.035, 0.11, 1.3, 11.0 * MIB, 1.9 * MIB, 1.5 * MIB, 10.0 * MIB },
	{ "linalg", 5.3, 0.050, 0.16, 4.1, 18.3 * MIB, 4.5 * MIB, 2.0 * MIB, 9.0 * MIB },
	{ "image", 2.3, 0.083, 0.25, 2.4, 14.6 * MIB, 2.4 * MIB, 2.5 * MIB, 6.0 * MIB },
	{ "html", 2.0, 0.054, 0.25, 1.0, 14.8 * MIB, 1.9 * MIB, 3.0 * MIB, 5.0 * MIB },
	{ "auth", 2.1, 0.033, 0.25, 1.2, 13.7 * MIB, 1.8 * MIB, 2.5 * MIB, 5.0 * MIB },
	{ "feature", 21.0, 0.173, 0.56, 9.7, 42.3 * MIB, 7.0 * MIB, 7.0 * MIB, 31.0 * MIB },
};

enum doing { NOTHING, STARTS, DEDUPS, RESTORES, ENDS };

/* What the machine knows of a box. */
struct local {
	TAILQ_ENTRY(local) link;
	struct machine *machine;
	struct box *box;
	const struct application *app;
	enum doing doing;
	struct work work;
	struct timer timer;
	bool demarcate;
	double bytes;
};

/* A base that the machine holds. */
struct simbase {
	TAILQ_ENTRY(simbase) link;
	uint64_t id;
	uint64_t made;
	double bytes;
	const struct application *app;
	struct function *function;
};

/**
 * application_of() - the figures of a function
 * @function: "html", or "html-" and anything
 */
const struct application *application_of(const char *function)
{
	size_t len = strcspn(function, "-"), i;

	for (i = 0; i < ARRAY_SIZE(applications); i++)
		if (strlen(applications[i].name) == len &&
		    !strncmp(applications[i].name, function, len))
			return &applications[i];
	return NULL;
}

/* 15 % more or less. */
static double vary(struct machine *m, double value)
{
	return value * (0.85 + 0.3 * rng_unit(&m->rng));
}

static void on_started(void *arg)
{
	struct local *l = arg;

	l->doing = NOTHING;
	l->bytes = l->app->warm;
	box_started(l->box);
}

static int start(void *host, struct box *box, char error[CONTROL_ERROR])
{
	const struct application *app = application_of(box->function->spec.name);
	struct machine *m = host;
	struct local *l;

	if (!app) {
		strcpy(error, "no such application");
		return -ENOENT;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		strcpy(error, "no memory");
		return -ENOMEM;
	}
	l->machine = m;
	l->box = box;
	l->app = app;
	l->doing = STARTS;
	l->bytes = app->warm / 2;	/* it grows; half of it on average */
	TAILQ_INSERT_TAIL(&m->boxes, l, link);
	box->local = l;
	work_begin(&m->cpu, &l->work, vary(m, app->cold), on_started, l);
	return 0;
}

static void local_free(struct local *l)
{
	work_cancel(&l->machine->cpu, &l->work);
	timer_stop(&l->timer);
	TAILQ_REMOVE(&l->machine->boxes, l, link);
	free(l);
}

static void on_exit_done(void *arg)
{
	struct local *l = arg;
	struct box *box = l->box;

	local_free(l);
	box_ended(box, "told to end");
}

static void end(void *host, struct box *box)
{
	struct machine *m = host;
	struct local *l = box->local;

	work_cancel(&m->cpu, &l->work);
	timer_stop(&l->timer);
	l->doing = ENDS;
	timer_init(&l->timer, m->clock, on_exit_done, l);
	timer_set(&l->timer, EXIT_US);
}

/*
 * A base holds only what those that are there lack; another one of the application has
 * most. All functions are of one domain.
 */
static bool has_base(const struct machine *m, const struct application *app)
{
	const struct simbase *s;

	TAILQ_FOREACH(s, &m->bases, link)
		if (s->app == app)
			return true;
	return false;
}

/* What is left of a box: less if there is a base of its application, or any at all. */
static double deduplicated(const struct machine *m, const struct application *app)
{
	if (has_base(m, app))
		return app->deduplicated;
	return app->warm * (TAILQ_EMPTY(&m->bases) ? ALONE : OTHERS);
}

static void add_base(struct local *l)
{
	struct machine *m = l->machine;
	struct simbase *base = calloc(1, sizeof(*base));

	if (!base)
		return;
	base->id = ++m->last_base;
	base->made = clock_now(m->clock);
	base->bytes = l->app->base * (has_base(m, l->app) ? AGAIN : 1);
	base->app = l->app;
	base->function = l->box->function;
	m->bases_bytes += base->bytes;
	TAILQ_INSERT_TAIL(&m->bases, base, link);
}

static void on_deduped(void *arg)
{
	struct local *l = arg;

	l->doing = NOTHING;
	if (l->demarcate)
		add_base(l);
	l->bytes = deduplicated(l->machine, l->app);
	box_deduped(l->box, 0, NULL);
}

static void dedup(void *host, struct box *box, bool demarcate)
{
	struct machine *m = host;
	struct local *l = box->local;

	l->doing = DEDUPS;
	l->demarcate = demarcate;
	work_begin(&m->cpu, &l->work, vary(m, l->app->dedup), on_deduped, l);
}

static void on_awake(void *arg)
{
	struct local *l = arg;

	l->doing = NOTHING;
	l->bytes = fmin(l->bytes + l->app->restored, l->app->warm);
	box_awake(l->box);
	box_restored(l->box);
}

static void wake(void *host, struct box *box)
{
	struct machine *m = host;
	struct local *l = box->local;

	work_cancel(&m->cpu, &l->work);
	l->doing = RESTORES;
	timer_init(&l->timer, m->clock, on_awake, l);
	timer_set(&l->timer, WAKE_US);
}

static double memory(void *host, const struct box *box, double *whole)
{
	const struct local *l = box->local;

	(void)host;
	*whole = l->app->warm;
	return l->bytes;
}

/* The capacity is the only bound here. */
static bool pressure(void *host, double *available, double *stalled)
{
	(void)host, (void)available, (void)stalled;
	return false;
}

static double overhead(void *host)
{
	return ((struct machine *)host)->bases_bytes;
}

/* Each deduplicated box counts as one user of each base. */
static uint64_t count_deduped(const struct machine *m)
{
	const struct local *l;
	uint64_t n = 0;

	TAILQ_FOREACH(l, &m->boxes, link)
		n += l->box->state == BOX_DEDUP || l->box->state == BOX_DEDUPING;
	return n;
}

static void bases(void *host)
{
	struct machine *m = host;
	struct simbase *s;
	struct base *b;

	TAILQ_FOREACH(s, &m->bases, link) {
		b = function_base(s->function, s->id);
		if (!b)
			continue;
		b->users = count_deduped(m);
		b->seen = true;
	}
}

static void retire(void *host, uint64_t id)
{
	struct machine *m = host;
	struct simbase *s;

	TAILQ_FOREACH(s, &m->bases, link)
		if (s->id == id)
			break;
	if (!s || count_deduped(m))
		return;
	TAILQ_REMOVE(&m->bases, s, link);
	m->bases_bytes -= s->bytes;
	free(s);
}

static bool dedups(void *host)
{
	(void)host;
	return true;
}

const struct host_ops machine_ops = {
	.start = start, .end = end, .dedup = dedup, .wake = wake, .memory = memory,
	.pressure = pressure, .overhead = overhead, .bases = bases, .retire = retire,
	.dedups = dedups,
};

/**
 * machine_init() - an idle machine
 * @m: filled in, but for its control
 * @clock: a simulated one
 * @seed: of the variation of times
 * @processors: how many
 */
void machine_init(struct machine *m, struct clock *clock, uint64_t seed, double processors)
{
	*m = (struct machine){ .clock = clock };
	rng_seed(&m->rng, seed);
	cpu_init(&m->cpu, clock, processors);
	TAILQ_INIT(&m->boxes);
	TAILQ_INIT(&m->bases);
}

/**
 * machine_end() - everything on it is gone
 * @m: whose controller has been freed
 */
void machine_end(struct machine *m)
{
	struct simbase *s;

	while (!TAILQ_EMPTY(&m->boxes))
		local_free(TAILQ_FIRST(&m->boxes));
	while ((s = TAILQ_FIRST(&m->bases))) {
		TAILQ_REMOVE(&m->bases, s, link);
		free(s);
	}
	cpu_stop(&m->cpu);
}

/**
 * machine_used() - bytes that all boxes and bases take
 * @m: the machine
 */
double machine_used(const struct machine *m)
{
	double sum = m->bases_bytes;
	const struct local *l;

	TAILQ_FOREACH(l, &m->boxes, link)
		sum += l->bytes;
	return sum;
}

/**
 * machine_exec() - what a request takes
 * @m: the machine
 * @box: where it runs
 * @start: after a deduplication pages have to come back
 *
 * Return: s of a processor.
 */
double machine_exec(struct machine *m, const struct box *box, enum start_kind start)
{
	const struct local *l = box->local;

	return vary(m, l->app->exec + (start == START_DEDUP ? l->app->restore : 0));
}
