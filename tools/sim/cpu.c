// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processor sharing: with more work than processors, each piece gets an equal part. So
 * many cold starts at once slow each other down, as they do on a machine.
 */
#include <math.h>
#include "cpu.h"

#define DONE_S 1e-9

static double speed(const struct cpu *cpu)
{
	return cpu->n > cpu->processors ? cpu->processors / cpu->n : 1;
}

/* What has been done since the last time anything changed. */
static void account(struct cpu *cpu)
{
	uint64_t now = clock_now(cpu->clock);
	double done = (double)(now - cpu->since) / US_PER_S * speed(cpu);
	struct work *work;

	TAILQ_FOREACH(work, &cpu->works, link) {
		cpu->used += done < work->left ? done : work->left;
		work->left -= done;
	}
	cpu->since = now;
}

static void rearm(struct cpu *cpu)
{
	double least = INFINITY;
	struct work *work;

	TAILQ_FOREACH(work, &cpu->works, link)
		if (work->left < least)
			least = work->left;
	if (!cpu->n)
		timer_stop(&cpu->timer);
	else
		timer_set(&cpu->timer, least > 0 ? ceil(least / speed(cpu) * US_PER_S) : 0);
}

static void take_out(struct cpu *cpu, struct work *work)
{
	TAILQ_REMOVE(&cpu->works, work, link);
	work->busy = false;
	cpu->n--;
}

static struct work *finished(struct cpu *cpu)
{
	struct work *work;

	TAILQ_FOREACH(work, &cpu->works, link)
		if (work->left <= DONE_S)
			return work;
	return NULL;
}

/* What a finished one calls may begin and cancel others. */
static void on_timer(void *arg)
{
	struct cpu *cpu = arg;
	struct work *work;

	account(cpu);
	while ((work = finished(cpu))) {
		take_out(cpu, work);
		work->fn(work->arg);
	}
	rearm(cpu);
}

/**
 * cpu_init() - idle processors
 * @cpu: filled in
 * @clock: a simulated one
 * @processors: how many; each piece of work uses one at most
 */
void cpu_init(struct cpu *cpu, struct clock *clock, double processors)
{
	*cpu = (struct cpu){ .clock = clock, .processors = processors, .since = clock_now(clock) };
	TAILQ_INIT(&cpu->works);
	timer_init(&cpu->timer, clock, on_timer, cpu);
}

/**
 * cpu_stop() - drop all work
 * @cpu: not to be used any more
 */
void cpu_stop(struct cpu *cpu)
{
	while (!TAILQ_EMPTY(&cpu->works))
		take_out(cpu, TAILQ_FIRST(&cpu->works));
	timer_stop(&cpu->timer);
}

/**
 * work_begin() - something to do
 * @cpu: who does it
 * @work: not at work
 * @seconds: of one processor
 * @fn: called when it is done, never from within
 * @arg: for @fn
 */
void work_begin(struct cpu *cpu, struct work *work, double seconds, void (*fn)(void *arg),
		void *arg)
{
	account(cpu);
	work->left = seconds;
	work->fn = fn;
	work->arg = arg;
	work->busy = true;
	TAILQ_INSERT_TAIL(&cpu->works, work, link);
	cpu->n++;
	rearm(cpu);
}

/**
 * work_cancel() - leave it undone
 * @cpu: who does it
 * @work: nothing happens if it is not at work
 */
void work_cancel(struct cpu *cpu, struct work *work)
{
	if (!work->busy)
		return;
	account(cpu);
	take_out(cpu, work);
	rearm(cpu);
}
