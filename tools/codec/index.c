// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Base page choice in one process: hash -> base pages, for whole pages and for the hashes of
 * sketches alike.
 *
 * What medesd's registry and choose.c do for a host, without domains, removal or hints that go
 * stale: open addressing, at most PAGES_MAX pages a hash, the page that shares most. A sandbox's
 * pages lie in the order of its base's, so of equals the page behind the last choice wins.
 */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define PAGES_MAX 32	/* a hash of more pages tells nothing of any of them */
#define NEXT_BONUS 2	/* in hashes shared */

struct entry {
	u64 hash;
	u32 page;	/* + 1; 0: free */
	u32 next;	/* entry of the same hash + 1; 0: the last */
};

struct slot {
	u64 hash;
	u32 first;	/* entry + 1; 0: free */
	u32 count;
};

struct index {
	struct slot *slot;
	struct entry *entry;
	size_t mask;
	size_t entries;
	size_t room;
	size_t pages;
	u8 *shared;		/* of each base page, while one page is looked up */
	u32 *met;
};

struct index *index_new(size_t pages)
{
	struct index *index = must(calloc(1, sizeof(*index)));
	size_t size = 16;

	index->room = pages * (MEDES_SKETCH + 1);
	while (size < 2 * index->room)
		size *= 2;
	index->mask = size - 1;
	index->slot = must(calloc(size, sizeof(*index->slot)));
	index->entry = must(calloc(index->room + 1, sizeof(*index->entry)));
	index->shared = must(calloc(pages + 1, 1));
	index->met = must(calloc((MEDES_SKETCH + 1) * PAGES_MAX + 1, sizeof(*index->met)));
	return index;
}

void index_free(struct index *index)
{
	free(index->slot);
	free(index->entry);
	free(index->shared);
	free(index->met);
	free(index);
}

static struct slot *slot_of(const struct index *index, u64 hash)
{
	size_t at = hash * 0x9e3779b185ebca87ULL >> 20 & index->mask;

	while (index->slot[at].first && index->slot[at].hash != hash)
		at = (at + 1) & index->mask;
	return &index->slot[at];
}

static void add(struct index *index, u64 hash, size_t page)
{
	struct slot *slot = slot_of(index, hash);

	if (slot->count == PAGES_MAX)
		return;
	slot->hash = hash;
	index->entry[index->entries] = (struct entry){ hash, page + 1, slot->first };
	slot->first = ++index->entries;
	slot->count++;
}

/* Entering a page twice under one hash cannot happen: a sketch's are distinct. */
void index_add(struct index *index, u64 hash, const u64 sketch[MEDES_SKETCH], size_t page)
{
	unsigned int i;

	add(index, hash, page);
	for (i = 0; i < MEDES_SKETCH && sketch[i]; i++)
		add(index, sketch[i], page);
	index->pages++;
}

/**
 * index_choose() - the base page that resembles a page most
 * @index: of base pages
 * @hash: of the page
 * @sketch: of the page
 * @last: choice for the page before, or NO_BASE
 *
 * Return: a base page, or NO_BASE when none shares anything.
 */
size_t index_choose(struct index *index, u64 hash, const u64 sketch[MEDES_SKETCH], size_t last)
{
	size_t best = NO_BASE;
	unsigned int most = 0, met = 0, i;
	u32 at;

	for (i = 0; i < MEDES_SKETCH; i++)
		__builtin_prefetch(&index->slot[sketch[i] * 0x9e3779b185ebca87ULL >> 20 & index->mask]);
	at = slot_of(index, hash)->first;
	if (at)
		return index->entry[at - 1].page - 1;
	for (i = 0; i < MEDES_SKETCH && sketch[i]; i++) {
		for (at = slot_of(index, sketch[i])->first; at; at = index->entry[at - 1].next) {
			u32 page = index->entry[at - 1].page - 1;

			if (!index->shared[page]++)
				index->met[met++] = page;
		}
	}
	for (i = 0; i < met; i++) {
		u32 page = index->met[i];
		unsigned int shared = index->shared[page] * 2 + (last != NO_BASE && page == last + 1) * 2 * NEXT_BONUS;

		index->shared[page] = 0;
		if (shared > most || (shared == most && page < best)) {
			most = shared;
			best = page;
		}
	}
	return best;
}

double index_entries_per_page(const struct index *index)
{
	return index->pages ? (double)index->entries / index->pages : 0;
}
