// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The run: arrivals become calls, calls that have a box become work, and now and
 * then the memory is looked at.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "function.h"
#include "machine.h"
#include "sim.h"

#define SIM_DOMAIN "default"

struct sim {
	const struct sim_setup *setup;
	struct sim_result *result;
	struct clock *clock;
	struct machine machine;
	struct control *control;
	struct function *functions[TRACE_FUNCTIONS];
	uint64_t begin;			/* us: when the trace's time is 0 */
	struct request *requests;	/* the trace's, then one for each function */
	struct timer next;		/* arrival */
	size_t arrived;
	unsigned int introduced;	/* functions called before the trace begins */
	struct timer sample;
	struct timer explain;
	size_t room;			/* for samples */
};

struct request {
	struct call call;
	struct sim *sim;
	struct work work;
	struct sim_answer *answer;	/* NULL: a first call, which does not count */
};

/* s of the trace's time, negative before it begins. */
static double trace_time(const struct sim *sim)
{
	return ((double)clock_now(sim->clock) - (double)sim->begin) / US_PER_S;
}

static struct request *request_of(struct call *call)
{
	return (struct request *)((char *)call - offsetof(struct request, call));
}

static void introduce(struct sim *sim);

static void answer(struct request *r, int status)
{
	struct sim *sim = r->sim;

	if (!r->answer) {
		introduce(sim);
		return;
	}
	r->answer->status = status;
	r->answer->total_ms = (clock_now(sim->clock) - sim->begin - r->answer->at) / 1e3;
	if (status == 200)
		sim->result->starts[r->answer->start]++;
	else
		sim->result->failed++;
}

static void on_executed(void *arg)
{
	struct request *r = arg;

	call_done(&r->call);
	answer(r, 200);
}

static void on_ready(struct call *call)
{
	struct request *r = request_of(call);
	struct machine *m = &r->sim->machine;

	if (r->answer) {
		r->answer->start = call->start;
		r->answer->start_ms = call_start_ms(call);
	}
	work_begin(&m->cpu, &r->work, machine_exec(m, call->box, call->start), on_executed, r);
}

static void on_failed(struct call *call, int status, unsigned int retry_after, const char *why)
{
	struct request *r = request_of(call);

	(void)retry_after, (void)why;
	work_cancel(&r->sim->machine.cpu, &r->work);
	answer(r, status);
}

static void on_again(struct call *call)
{
	work_cancel(&request_of(call)->sim->machine.cpu, &request_of(call)->work);
}

static const struct call_ops call_ops = {
	.ready = on_ready, .failed = on_failed, .again = on_again,
};

static void submit(struct sim *sim, struct request *r, unsigned int function)
{
	r->sim = sim;
	r->call.ops = &call_ops;
	call_submit(&r->call, sim->functions[function], NULL);
}

static void on_arrival(void *arg)
{
	struct sim *sim = arg;
	const struct arrival *a = &sim->setup->trace->v[sim->arrived];
	struct request *r = &sim->requests[sim->arrived++];

	r->answer = &sim->result->answers[sim->arrived - 1];
	*r->answer = (struct sim_answer){ .at = a->at, .function = a->function };
	if (sim->arrived < sim->setup->trace->n)
		timer_set_at(&sim->next, sim->begin + sim->setup->trace->v[sim->arrived].at);
	submit(sim, r, a->function);
}

static void count_states(const struct control *c, struct sim_sample *s)
{
	static const enum policy_state states[BOX_STATES] = {
		[BOX_STARTING] = POLICY_STARTING, [BOX_RUNNING] = POLICY_RUNNING,
		[BOX_IDLE] = POLICY_WARM, [BOX_DEDUPING] = POLICY_DEDUPING,
		[BOX_DEDUP] = POLICY_DEDUP, [BOX_RESTORING] = POLICY_RUNNING,
	};
	const struct box *box;

	for (box = c->boxes; box; box = box->hh.next)
		if (box->state != BOX_ENDING && box->state != BOX_LOST)
			s->in[states[box->state]]++;
}

static void on_sample(void *arg)
{
	struct sim *sim = arg;
	struct sim_result *result = sim->result;
	struct sim_sample *s;

	timer_set(&sim->sample, sim->setup->sample * US_PER_S);
	if (result->n_samples == sim->room)
		return;
	s = &result->samples[result->n_samples++];
	*s = (struct sim_sample){
		.at = trace_time(sim),
		.used = machine_used(&sim->machine),
	};
	count_states(sim->control, s);
	result->most = fmax(result->most, s->used);
	result->mean += (s->used - result->mean) / result->n_samples;
}

static void on_explain(void *arg)
{
	struct sim *sim = arg;
	struct function *f = function_find(sim->control, SIM_DOMAIN, sim->setup->explain);
	json_t *all = f ? life_explain(sim->control, f) : NULL;

	if (all)
		fputs(json_string_value(json_object_get(all, "text")), stdout);
	json_decref(all);
}

/* The controller's events of type "policy". */
static void on_event(void *arg, const char *domain, const char *type, json_t *data)
{
	struct sim *sim = arg;
	const char *function, *action, *why, *sandbox = NULL;

	(void)domain;
	if (strcmp(type, "policy") ||
	    json_unpack(data, "{s:s, s?:s, s:s, s:s}", "function", &function, "sandbox", &sandbox,
			"action", &action, "why", &why))
		return;
	fprintf(sim->setup->decisions, "%.3f %s %s: %s: %s\n",
		trace_time(sim), function, sandbox ? sandbox : "-", action, why);
}

static int add_function(struct sim *sim, const char *name, struct function **out)
{
	char error[SPEC_ERROR];
	struct spec spec = { 0 };
	json_t *body;
	int err;

	if (!application_of(name))
		return -ENOENT;
	body = json_pack("{s:s, s:[s], s:i, s:i, s:i}", "name", name, "command", "/bin/true",
			 "queue_length", 10000, "queue_timeout_ms", 120000,
			 "start_timeout_ms", 120000);
	err = spec_parse(&spec, body, error);
	json_decref(body);
	if (err)
		return err;
	*out = function_put(sim->control, SIM_DOMAIN, &spec);
	return *out ? 0 : -ENOMEM;
}

static void set_limits(struct control_limits *to, const struct control_limits *from)
{
	to->capacity = from->capacity;
	if (from->assumed)
		to->assumed = from->assumed;
	if (from->max_boxes)
		to->max_boxes = from->max_boxes;
	if (from->max_calls)
		to->max_calls = from->max_calls;
	if (from->max_dedup_starts)
		to->max_dedup_starts = from->max_dedup_starts;
	if (from->max_dedups)
		to->max_dedups = from->max_dedups;
}

/* Each function is called once, one after the other; then the trace begins. */
static void introduce(struct sim *sim)
{
	const struct trace *trace = sim->setup->trace;
	unsigned int next = sim->introduced++;

	if (next < trace->n_names) {
		submit(sim, &sim->requests[trace->n + next], next);
		return;
	}
	sim->begin = clock_now(sim->clock);
	timer_set(&sim->sample, 0);
	if (sim->setup->explain)
		timer_set(&sim->explain, sim->setup->explain_at * US_PER_S);
	if (trace->n)
		timer_set_at(&sim->next, sim->begin + trace->v[0].at);
}

static int begin(struct sim *sim)
{
	const struct sim_setup *setup = sim->setup;
	unsigned int i;
	int err;

	sim->control = control_new(sim->clock, setup->seed, &machine_ops, &sim->machine);
	if (!sim->control)
		return -ENOMEM;
	sim->control->policy = setup->policy;
	set_limits(&sim->control->limits, &setup->limits);
	if (setup->decisions) {
		sim->control->listener = on_event;
		sim->control->listener_arg = sim;
	}
	sim->machine.control = sim->control;
	for (i = 0; i < setup->trace->n_names; i++) {
		err = add_function(sim, setup->trace->names[i], &sim->functions[i]);
		if (err)
			return err;
	}
	timer_init(&sim->next, sim->clock, on_arrival, sim);
	timer_init(&sim->sample, sim->clock, on_sample, sim);
	timer_init(&sim->explain, sim->clock, on_explain, sim);
	introduce(sim);
	return 0;
}

static int allocate(struct sim *sim, double seconds)
{
	struct sim_result *result = sim->result;

	result->n = sim->setup->trace->n;
	sim->room = seconds / sim->setup->sample + 2;
	result->answers = calloc(result->n + 1, sizeof(*result->answers));
	result->samples = calloc(sim->room, sizeof(*result->samples));
	sim->requests = calloc(result->n + sim->setup->trace->n_names + 1,
			       sizeof(*sim->requests));
	sim->clock = clock_simulated_new();
	return result->answers && result->samples && sim->requests && sim->clock ? 0 : -ENOMEM;
}

/* Functions are deleted and boxes told to end; both are gone when that is done. */
static void finish(struct sim *sim)
{
	struct function *f, *next;
	struct control *c = sim->control;

	timer_stop(&sim->next);
	timer_stop(&sim->sample);
	timer_stop(&sim->explain);
	if (!c)
		return;
	HASH_ITER(hh, c->functions, f, next)
		function_delete(f);
	while (c->boxes && clock_step(sim->clock))
		;
	control_free(c);
}

/**
 * sim_run() - run a trace
 * @setup: what, and under which policy
 * @result: receives what happened; to be freed in any case
 *
 * Return: 0, -ENOENT if a function of the trace is no application that is known, -ENOMEM.
 */
int sim_run(const struct sim_setup *setup, struct sim_result *result)
{
	const struct trace *trace = setup->trace;
	double seconds = (trace->n ? trace->v[trace->n - 1].at : 0) / 1e6 + setup->settle;
	struct sim sim = { .setup = setup, .result = result };
	int err;

	*result = (struct sim_result){ 0 };
	err = allocate(&sim, seconds);
	if (err)
		goto out;
	machine_init(&sim.machine, sim.clock, setup->seed, setup->processors);
	err = begin(&sim);
	while (!err && sim.introduced <= trace->n_names)
		clock_step(sim.clock);
	if (!err) {
		clock_run_until(sim.clock, sim.begin + seconds * US_PER_S);
		result->busy = sim.machine.cpu.used;
		result->dedups = sim.control->dedups;
		result->purges = sim.control->purges;
		result->prewarms = sim.control->prewarms;
	}
	finish(&sim);
	machine_end(&sim.machine);
out:
	clock_free(sim.clock);
	free(sim.requests);
	return err;
}

/**
 * sim_result_free() - free what a result owns
 * @result: of sim_run()
 */
void sim_result_free(struct sim_result *result)
{
	free(result->answers);
	free(result->samples);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/**
 * sim_percentile() - of the time from arrival to answer
 * @result: of sim_run()
 * @start: only those; START_KINDS: all
 * @p: 0 to 100
 *
 * Return: ms, the smallest that at least p percent of the answers do not exceed; NAN
 * when there are none.
 */
double sim_percentile(const struct sim_result *result, enum start_kind start, double p)
{
	double *all = malloc((result->n + 1) * sizeof(*all)), value = NAN;
	size_t n = 0, i;

	for (i = 0; all && i < result->n; i++)
		if (result->answers[i].status == 200 &&
		    (start == START_KINDS || result->answers[i].start == start))
			all[n++] = result->answers[i].total_ms;
	if (n) {
		qsort(all, n, sizeof(*all), by_value);
		i = ceil(p / 100 * n);
		value = all[i ? i - 1 : 0];
	}
	free(all);
	return value;
}
