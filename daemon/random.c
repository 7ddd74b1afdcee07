// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seeded random numbers: the C library's 48-bit generator, with a state of our own,
 * so that no other user of it shifts the sequence.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "random.h"

/**
 * rng_seed() - begin the sequence of a seed
 * @rng: filled in
 * @seed: all 64 bits count; neighbouring seeds give unlike sequences
 */
void rng_seed(struct rng *rng, uint64_t seed)
{
	int i;

	/* the generator is linear: spread what seeds differ in over all bits (Murmur3's mixer) */
	seed ^= seed >> 33;
	seed *= 0xff51afd7ed558ccdULL;
	seed ^= seed >> 33;
	seed *= 0xc4ceb9fe1a85ec53ULL;
	seed ^= seed >> 33;
	for (i = 0; i < 3; i++)
		rng->x[i] = seed >> (16 * (i + 1));
	erand48(rng->x);
}

/**
 * rng_seed_any() - begin a sequence that nobody can foresee
 * @rng: filled in
 */
void rng_seed_any(struct rng *rng)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = time(NULL);
	rng_seed(rng, seed);
}

/**
 * rng_unit() - a number from 0 to below 1
 * @rng: goes on
 */
double rng_unit(struct rng *rng)
{
	return erand48(rng->x);
}

/**
 * rng_below() - a whole number below a limit
 * @rng: goes on
 * @n: the limit, not 0
 */
uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return rng_unit(rng) * n;
}

/**
 * rng_exponential() - a time between two events of a Poisson process
 * @rng: goes on
 * @mean: of these times
 */
double rng_exponential(struct rng *rng, double mean)
{
	return -mean * log(1 - rng_unit(rng));
}
