/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processors that share their time evenly among all work there is.
 */
#ifndef SIM_CPU_H
#define SIM_CPU_H

#include <sys/queue.h>
#include "clock.h"

/* Part of the object that it belongs to. Zeroed: not at work. */
struct work {
	TAILQ_ENTRY(work) link;
	double left;			/* s of a processor */
	bool busy;
	void (*fn)(void *arg);
	void *arg;
};

struct cpu {
	struct clock *clock;
	TAILQ_HEAD(, work) works;
	unsigned int n;
	double processors;
	uint64_t since;			/* us: what is left was true then */
	double used;			/* s of a processor, in all */
	struct timer timer;
};

void cpu_init(struct cpu *cpu, struct clock *clock, double processors);
void cpu_stop(struct cpu *cpu);
void work_begin(struct cpu *cpu, struct work *work, double seconds, void (*fn)(void *arg),
		void *arg);
void work_cancel(struct cpu *cpu, struct work *work);

#endif /* SIM_CPU_H */
