/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is measured of a function while it is used: the policies decide by these
 * numbers and by nothing else, so changing the policy loses nothing.
 */
#ifndef MEDESD_MEASURE_H
#define MEDESD_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEASURE_WINDOWS 10		/* the peak is that of the last ten */
#define MEASURE_BUCKETS 240		/* of the histogram of idle times: 4 hours of minutes */
#define MEASURE_WEIGHT 0.1		/* of a new value in a moving average */

enum start_kind { START_WARM, START_DEDUP, START_COLD, START_KINDS };

/* A moving average; until the first value it holds what was assumed. */
struct average {
	double value;
	uint64_t n;			/* values taken in */
};

struct measure {
	uint64_t window;		/* us; a minute, unless periods are scaled */

	/* arrivals: the last windows' counts, the current one's at [current] */
	uint64_t window_end;		/* us, 0: nothing has arrived */
	uint32_t arrivals[MEASURE_WINDOWS];
	unsigned int current;
	struct average rate;		/* 1/s */
	uint64_t total;

	/* from choosing a sandbox for a request, or beginning a new one, until it can serve */
	struct average start[START_KINDS];	/* s */
	uint64_t starts[START_KINDS];
	struct average exec;			/* s; of requests that we passed on */
	struct average held;			/* s; of leases: how long their holders had one */
	struct average restore;			/* s: running takes more after dedup */

	/* of one sandbox, bytes */
	struct average memory_warm;
	struct average memory_dedup;
	struct average memory_restore;	/* what a restore takes on top while it runs */

	/* times from the end of a request to the next, when none runs */
	unsigned int running;
	uint64_t idle_since;		/* us, 0: never ran */
	uint32_t idle[MEASURE_BUCKETS];	/* one window wide each */
	uint32_t idle_beyond;		/* longer than all buckets */
	uint64_t idle_total;		/* in the buckets */
	struct average idle_mean;	/* s, of all, long ones too */
	struct average idle_deviation;	/* s, mean absolute */
};

void measure_init(struct measure *m, uint64_t window_us);

/* What happens to a function, in this order for each request */
void measure_arrival(struct measure *m, uint64_t now);
void measure_start(struct measure *m, enum start_kind kind, double seconds);
void measure_end(struct measure *m, uint64_t now, enum start_kind kind, double exec_seconds);
void measure_release(struct measure *m, uint64_t now, enum start_kind kind, double held_seconds);
/* A request that arrived and will not run: refused, failed to start. */
void measure_cancel(struct measure *m);

/* Bytes of one sandbox, whenever somebody looked. */
void measure_memory_warm(struct measure *m, double bytes);
void measure_memory_dedup(struct measure *m, double bytes);
void measure_memory_restore(struct measure *m, double bytes);

/* Brings the windows up to now; the other calls do so themselves. */
void measure_roll(struct measure *m, uint64_t now);

double measure_rate(const struct measure *m);			/* 1/s, moving average */
double measure_peak(const struct measure *m);			/* 1/s, the busiest window's */
double measure_busy(const struct measure *m);			/* s, of a sandbox for a request */

#endif /* MEDESD_MEASURE_H */
