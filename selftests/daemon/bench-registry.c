// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the registry answers: bases of a gigabyte, pages of which half
 * resemble one, in batches as a scan delivers them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "pages.h"
#include "registry.h"

#define BASES 10
#define BASE_PAGES 26214
#define BATCH 220
#define ROUNDS 5000

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int main(void)
{
	struct medes_base_page *pages = malloc(BASES * BASE_PAGES * sizeof(*pages));
	struct registry *r = registry_new(16);
	static struct candidates found[BATCH];
	struct medes_page *batch = malloc(ROUNDS * BATCH * sizeof(*batch));
	struct registry_stats stats;
	uint64_t seed = 1;
	size_t i, hits = 0;
	double start;

	if (!pages || !r || !batch)
		return 1;
	for (i = 0; i < BASES * BASE_PAGES; i++)
		pages[i] = random_base_page(&seed, i % BASE_PAGES);
	start = seconds();
	for (i = 0; i < BASES; i++)
		if (registry_add(r, "domain", i + 1, pages + i * BASE_PAGES, BASE_PAGES))
			return 1;
	printf("enter:   %.2f million base pages/s\n",
	       BASES * BASE_PAGES / (seconds() - start) / 1e6);
	registry_stats(r, &stats);
	printf("memory:  %.0f bytes a base page, %.1f %% of the bases\n",
	       (double)stats.bytes / stats.pages, 100.0 * stats.bytes / stats.pages / 4096);

	for (i = 0; i < ROUNDS * BATCH; i++)
		batch[i] = page_like(&seed, &pages[next_random(&seed) % (BASES * BASE_PAGES)],
				     i % 2 ? 1 + i % 8 : 0, i % 16 == 1);
	start = seconds();
	for (i = 0; i < ROUNDS; i++) {
		registry_lookup(r, "domain", batch + i * BATCH, BATCH, found);
		hits += found[1].n;
	}
	start = seconds() - start;
	printf("look up: %.2f million pages/s, %.1f million hashes/s, %.2f us a page\n",
	       ROUNDS * BATCH / start / 1e6, ROUNDS * BATCH * 9 / start / 1e6,
	       start / (ROUNDS * BATCH) * 1e6);
	registry_free(r);
	free(batch);
	free(pages);
	return hits ? 0 : 1;
}
