/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Made-up fingerprints for tests: seeded, so that a failure can be repeated.
 */
#ifndef TEST_PAGES_H
#define TEST_PAGES_H

#include "medes.h"

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators) */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* A base page like no other. */
static inline struct medes_base_page random_base_page(uint64_t *state, uint32_t index)
{
	struct medes_base_page page = { .index = index, .hash = next_random(state) };
	size_t i;

	/* small numbers, as the smallest of many hashes are */
	for (i = 0; i < MEDES_SKETCH; i++)
		page.sketch[i] = (next_random(state) >> 8) + 1;
	return page;
}

/* A page that shares some of its sketch, and possibly its hash, with a base page. */
static inline struct medes_page page_like(uint64_t *state, const struct medes_base_page *base,
					  unsigned int shared, bool equal)
{
	struct medes_page page = { .hash = equal ? base->hash : next_random(state) };
	size_t i;

	for (i = 0; i < MEDES_SKETCH; i++)
		page.sketch[i] = i < shared ? base->sketch[i] : (next_random(state) >> 8) + 1;
	return page;
}

#endif /* TEST_PAGES_H */
