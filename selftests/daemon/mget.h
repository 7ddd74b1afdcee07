/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What valkey-benchmark makes of the same servers, to measure a look-up by.
 */
#ifndef BENCH_MGET_H
#define BENCH_MGET_H

#include <stddef.h>
#include "valkeys.h"

struct mget {
	unsigned int keys;		/* that there are, over all primaries */
	size_t value;			/* bytes of each */
	unsigned int of_command;	/* keys that one asks for */
	unsigned int in_flight;		/* commands, over all primaries */
	unsigned int total;		/* keys that are asked for */
};

void mget_fill(struct valkeys *servers, const struct mget *like);
double mget(struct valkeys *servers, const struct mget *like, double *cpu);
double servers_say(struct valkeys *servers, const char *name);
double servers_cpu(struct valkeys *servers);

#endif /* BENCH_MGET_H */
