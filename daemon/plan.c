// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a scan to messages.
 *
 * A plan is an array of 48-byte entries in the order of address spaces and
 * addresses, so that neighbours travel in one message and the kernel's batches
 * walk memory once. Pure functions: no kernel, no clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "plan.h"

#define HUGE_RANGE (2ULL << 20)

/* No window of the page holds anything: the kernel will find it zero. */
static bool blank(const struct medes_page *page)
{
	return !page->sketch[0];
}

/**
 * plan_add() - enter a page of a scan, to be stored
 * @plan: the plan
 * @page: what the scan said
 * @best: the chosen base page, or NULL
 * @strong_share: sketch hashes in common from which on a base page is as good
 *	as one of the page's own would be
 * @lonely: no other sandbox is known to have anything like the page
 *
 * Return: 0 or -ENOMEM.
 */
int plan_add(struct plan *plan, const struct medes_page *page, const struct candidate *best,
	     unsigned int strong_share, bool lonely)
{
	struct plan_page *pages;
	size_t room;

	if (blank(page))
		best = NULL;
	if (plan->n == plan->room) {
		room = plan->room ? 2 * plan->room : 1024;
		pages = realloc(plan->pages, room * sizeof(*pages));
		if (!pages)
			return -ENOMEM;
		plan->pages = pages;
		plan->room = room;
	}
	plan->pages[plan->n++] = (struct plan_page){
		.address = page->address,
		.hash = page->hash,
		.base = best ? best->base : 0,
		.index = best ? best->index : 0,
		.mm = page->mm,
		.action = PLAN_STORE,
		.huge = page->huge,
		.strong = blank(page) || (best && (best->equal || best->shared >= strong_share)),
		.lonely = lonely,
	};
	return 0;
}

static int by_place(const void *left, const void *right)
{
	const struct plan_page *a = left, *b = right;

	if (a->mm != b->mm)
		return a->mm < b->mm ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return 0;
}

/**
 * plan_sort() - put the pages in the order of their places
 * @plan: the plan; the other functions expect this order
 */
void plan_sort(struct plan *plan)
{
	if (plan->n)
		qsort(plan->pages, plan->n, sizeof(*plan->pages), by_place);
}

/* By hash, then by place, so that the first of equal pages is the lowest. */
static int by_hash(const void *left, const void *right)
{
	const struct plan_page *a = *(struct plan_page *const *)left;
	const struct plan_page *b = *(struct plan_page *const *)right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a < b ? -1 : a > b;
}

/**
 * plan_split() - tell base pages from pages to store
 * @plan: a sorted plan
 *
 * A page with a strong candidate, and a blank one, is stored. So is a lonely one:
 * as a base page it would serve nobody. Of the others, and of pages that the
 * sandbox has more than once, one of each content becomes a base page, and its
 * equals wait for it.
 *
 * Return: 0 or -ENOMEM.
 */
int plan_split(struct plan *plan)
{
	struct plan_page **rest = malloc((plan->n ? plan->n : 1) * sizeof(*rest));
	size_t n = 0, i;

	if (!rest)
		return -ENOMEM;
	for (i = 0; i < plan->n; i++)
		if (!plan->pages[i].strong)
			rest[n++] = &plan->pages[i];
	qsort(rest, n, sizeof(*rest), by_hash);
	for (i = 0; i < n; i++) {
		bool first = !i || rest[i]->hash != rest[i - 1]->hash;
		bool last = i + 1 == n || rest[i]->hash != rest[i + 1]->hash;

		if (!first)
			rest[i]->action = PLAN_LATER;
		else if (!last || !rest[i]->lonely)
			rest[i]->action = PLAN_DEMARCATE;
	}
	free(rest);
	return 0;
}

static bool same_range(const struct plan_page *a, const struct plan_page *b)
{
	return a->mm == b->mm && a->address / HUGE_RANGE == b->address / HUGE_RANGE;
}

/**
 * plan_spare_huge() - leave huge pages whole where little would be won
 * @plan: a sorted plan
 * @min_pages: a range is left alone when no more than this many of its pages
 *	would go
 *
 * Storing one page splits its huge page for good, and khugepaged faults a range
 * back that lacks only a few pages (its max_ptes_none and our 64): so more than
 * that many pages of a huge range go, or none.
 *
 * Return: how many pages are left alone by this.
 */
size_t plan_spare_huge(struct plan *plan, unsigned int min_pages)
{
	const struct plan_page *p = plan->pages;
	size_t from, to, i, taken, spared = 0;
	bool huge;

	for (from = 0; from < plan->n; from = to) {
		huge = false;
		taken = 0;
		for (to = from; to < plan->n && same_range(&p[from], &p[to]); to++) {
			huge |= p[to].huge;
			taken += p[to].action != PLAN_LEAVE;
		}
		if (!huge || taken > min_pages)
			continue;
		for (i = from; i < to; i++)
			plan->pages[i].action = PLAN_LEAVE;
		spared += taken;
	}
	return spared;
}

size_t plan_count(const struct plan *plan, enum plan_action action)
{
	size_t i, n = 0;

	for (i = 0; i < plan->n; i++)
		n += plan->pages[i].action == action;
	return n;
}

/**
 * plan_next() - the next message
 * @plan: a sorted plan
 * @cursor: 0 at first; moved behind what is returned
 * @action: which pages
 * @out: pages of one address space, at most MEDES_TARGETS_MAX, ascending
 *
 * Return: false when there are no more.
 */
bool plan_next(const struct plan *plan, size_t *cursor, enum plan_action action,
	       struct plan_batch *out)
{
	const struct plan_page *page;

	out->n = 0;
	for (; *cursor < plan->n && out->n < MEDES_TARGETS_MAX; (*cursor)++) {
		page = &plan->pages[*cursor];
		if (page->action != action)
			continue;
		if (out->n && page->mm != out->mm)
			break;
		out->mm = page->mm;
		out->targets[out->n++] = (struct medes_target){
			.address = page->address,
			.base = action == PLAN_STORE ? page->base : 0,
			.index = page->index,
		};
	}
	return out->n;
}

void plan_clear(struct plan *plan)
{
	free(plan->pages);
	*plan = (struct plan){ 0 };
}
