// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Base page choice, as in Medes (EuroSys '22): the page that shares most
 * sampled hashes. An equal page beats them all. Among equals, one that is on this node, which
 * needs nobody else; then the base that the sandbox uses most already: few bases, and few
 * nodes, then keep it, and the others may go.
 *
 * Pages come in the order of their addresses, and so did the base's. So the page
 * behind the last choice is as good as one that shares a little more. On this node it is
 * also the one to try for a page that shares nothing with any; nothing is fetched for that.
 */
#include <stdlib.h>
#include <uthash.h>
#include "choose.h"

#define NEXT_BONUS 2	/* in hashes shared */

struct usage_count {
	uint64_t base;
	uint64_t pages;
	UT_hash_handle hh;
};

static struct usage_count *count_of(const struct usage *usage, uint64_t base)
{
	struct usage_count *c;

	HASH_FIND(hh, usage->counts, &base, sizeof(base), c);
	return c;
}

static void count_up(struct usage *usage, uint64_t base)
{
	struct usage_count *c = count_of(usage, base);

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)	/* ties are broken less well, that is all */
			return;
		c->base = base;
		HASH_ADD(hh, usage->counts, base, sizeof(c->base), c);
	}
	c->pages++;
}

static uint64_t pages_of(const struct usage *usage, uint64_t base)
{
	const struct usage_count *c = count_of(usage, base);

	return c ? c->pages : 0;
}

static unsigned int worth(const struct usage *usage, const struct candidate *c)
{
	bool next = usage->next.base && c->base == usage->next.base && c->index == usage->next.index;

	return c->shared + (next ? NEXT_BONUS : 0);
}

static bool better(const struct usage *usage, const struct candidate *a, const struct candidate *b)
{
	unsigned int worth_a = worth(usage, a), worth_b = worth(usage, b);
	uint64_t used_a, used_b;

	if (a->equal != b->equal)
		return a->equal;
	if (worth_a != worth_b)
		return worth_a > worth_b;
	if (a->remote != b->remote)
		return b->remote;
	if (a->base != b->base) {
		used_a = pages_of(usage, a->base);
		used_b = pages_of(usage, b->base);
		return used_a != used_b ? used_a > used_b : a->base < b->base;
	}
	return a->index < b->index;
}

/**
 * usage_goes_on() - is there a page behind the last choice?
 * @usage: of the sandbox
 * @pages: of the base of @usage->next that are known
 * @end: index that comes after the last of them
 *
 * Return: true if so; false also for a base that lost pages, as nobody knows which.
 */
bool usage_goes_on(const struct usage *usage, uint32_t pages, uint32_t end)
{
	return usage->next.base && pages == end && usage->next.index < end;
}

/**
 * choose() - pick a base page
 * @usage: of the sandbox; the pick is counted
 * @from: what the registry found
 * @behind: what usage_goes_on() says; the kernel refuses a page that does not exist
 *
 * Return: the pick, valid until the next call; NULL when there is none.
 */
const struct candidate *choose(struct usage *usage, const struct candidates *from, bool behind)
{
	const struct candidate *best = NULL;
	static struct candidate pick;
	unsigned int i;

	for (i = 0; i < from->n; i++)
		if (!best || better(usage, &from->v[i], best))
			best = &from->v[i];
	if (!best && behind && usage->next.base && !usage->next.remote)
		best = &usage->next;
	if (!best)
		return NULL;
	pick = *best;
	count_up(usage, pick.base);
	usage->next = pick;
	usage->next.index++;
	usage->next.shared = 0;
	usage->next.equal = false;
	return &pick;
}

void usage_clear(struct usage *usage)
{
	struct usage_count *c, *next;

	HASH_ITER(hh, usage->counts, c, next) {
		HASH_DEL(usage->counts, c);
		free(c);
	}
	usage->next.base = 0;
}
