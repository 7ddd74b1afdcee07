/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random numbers, behind an interface: a seed gives the same sequence everywhere.
 * Not for secrets.
 */
#ifndef MEDESD_RANDOM_H
#define MEDESD_RANDOM_H

#include <stdint.h>

struct rng {
	unsigned short x[3];
};

void rng_seed(struct rng *rng, uint64_t seed);
void rng_seed_any(struct rng *rng);
double rng_unit(struct rng *rng);			/* 0 <= . < 1 */
uint32_t rng_below(struct rng *rng, uint32_t n);	/* 0 .. n - 1 */
double rng_exponential(struct rng *rng, double mean);

#endif /* MEDESD_RANDOM_H */
