/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine that is not there: what the controller's host does to processes, as
 * times and bytes.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "control.h"
#include "cpu.h"

/* One application, s of a processor and bytes of anonymous memory. */
struct application {
	const char *name;
	double cold;			/* start, without a request */
	double exec;
	double restore;			/* what the first request after deduplication takes more */
	double dedup;			/* deduplicating */
	double warm;
	double deduplicated;		/* what a deduplicated one takes, base not counted */
	double restored;		/* comes back for one request */
	double base;			/* what making it a base costs for good */
};

struct machine {
	struct clock *clock;
	struct rng rng;
	struct cpu cpu;
	struct control *control;
	TAILQ_HEAD(, local) boxes;
	TAILQ_HEAD(, simbase) bases;
	uint64_t last_base;
	double bases_bytes;
};

extern const struct host_ops machine_ops;

/* By the name's part before a dash; NULL: there is no such application. */
const struct application *application_of(const char *function);

void machine_init(struct machine *m, struct clock *clock, uint64_t seed, double processors);
void machine_end(struct machine *m);

/* Bytes that all boxes and bases take at this moment. */
double machine_used(const struct machine *m);

/* s of a processor that a request takes in its box, now. */
double machine_exec(struct machine *m, const struct box *box, enum start_kind start);

#endif /* SIM_MACHINE_H */
