// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In-process registry.
 *
 * Per domain two tables: hash of a whole page -> base pages, and sketch hash ->
 * base pages (value sampling, as in Medes, EuroSys '22; the sketch is the
 * kernel's bottom-k one). A sketch hash of very many pages tells nothing about
 * any of them, so each hash keeps a bounded number of pages.
 *
 * Domains share nothing, not even a table, so that no candidate can come from
 * another tenant. The kernel refuses such a base all the same.
 *
 * Everything runs in the event loop: no locks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "numbers.h"
#include "registry.h"
#include "table.h"

struct domain {
	char name[MEDES_NAME_SIZE];
	struct table whole;
	struct table sketch;
	unsigned int bases;
	unsigned int leaving;		/* of them, in sweep() */
	UT_hash_handle hh;
};

struct base {
	uint64_t id;
	uint32_t slot;
	uint32_t pages;			/* entered */
	uint32_t next;			/* one more than the highest index entered */
	uint64_t digest;		/* over the pages, in whatever order they came */
	bool remote;
	bool leaves;			/* the next sweep() removes it */
	struct domain *domain;
	UT_hash_handle hh;
};

struct registry {
	unsigned int max_pages;
	struct domain *domains;
	struct base *bases;		/* by id */
	struct base **slots;		/* by slot; NULL: free */
	uint32_t n_slots;
	struct numbers numbers;		/* what the tables refer to */
};

/**
 * registry_new() - an empty registry
 * @max_pages: most base pages under one hash, 1..REGISTRY_PAGES_MAX
 *
 * Return: it, or NULL for lack of memory.
 */
struct registry *registry_new(unsigned int max_pages)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (r)
		r->max_pages = max_pages;
	return r;
}

static struct domain *domain_find(const struct registry *r, const char *name)
{
	struct domain *d;

	HASH_FIND_STR(r->domains, name, d);
	return d;
}

static struct domain *domain_get(struct registry *r, const char *name)
{
	struct domain *d = domain_find(r, name);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	strncpy(d->name, name, sizeof(d->name) - 1);
	HASH_ADD_STR(r->domains, name, d);
	return d;
}

static void domain_put(struct registry *r, struct domain *d)
{
	if (d->bases)
		return;
	HASH_DEL(r->domains, d);
	table_free(&d->whole);
	table_free(&d->sketch);
	free(d);
}

static struct base *base_find(const struct registry *r, uint64_t id)
{
	struct base *b;

	HASH_FIND(hh, r->bases, &id, sizeof(id), b);
	return b;
}

static int free_slot(struct registry *r, uint32_t *slot)
{
	struct base **slots;
	uint32_t i;

	for (i = 0; i < r->n_slots && r->slots[i]; i++)
		;
	if (i == r->n_slots) {
		slots = realloc(r->slots, (i + 1) * sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		r->slots = slots;
		r->slots[i] = NULL;
		r->n_slots++;
	}
	*slot = i;
	return 0;
}

static struct base *base_new(struct registry *r, const char *domain, uint64_t id)
{
	struct base *b = calloc(1, sizeof(*b));

	if (!b || free_slot(r, &b->slot))
		goto err_free;
	b->domain = domain_get(r, domain);
	if (!b->domain)
		goto err_free;
	b->domain->bases++;
	b->id = id;
	r->slots[b->slot] = b;
	HASH_ADD(hh, r->bases, id, sizeof(b->id), b);
	return b;

err_free:
	free(b);
	return NULL;
}

/* Of splitmix64: each bit of the result depends on each of x. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/**
 * registry_add() - enter pages of a base
 * @r: the registry
 * @domain: the base's domain
 * @base: its id, not 0
 * @pages: pages that have not been entered before
 * @n: how many; 0 makes the base known
 *
 * Return: 0, or -ENOMEM with some of the pages entered.
 */
int registry_add(struct registry *r, const char *domain, uint64_t base,
		 const struct medes_base_page *pages, size_t n)
{
	struct base *b = base_find(r, base);
	unsigned int i;
	uint32_t ref;
	int err = 0;

	if (!b)
		b = base_new(r, domain, base);
	if (!b)
		return -ENOMEM;
	for (; n && !err; n--, pages++) {
		err = numbers_get(&r->numbers, (struct numbered){ b->slot, pages->index }, &ref);
		if (err)
			break;
		err = table_add(&b->domain->whole, pages->hash, ref, r->max_pages);
		for (i = 0; i < MEDES_SKETCH && pages->sketch[i] && !err; i++)
			err = table_add(&b->domain->sketch, pages->sketch[i], ref, r->max_pages);
		b->pages++;
		b->digest += mix(pages->hash + mix(pages->index));
		if (pages->index >= b->next)
			b->next = pages->index + 1;
	}
	return err;
}

/**
 * registry_has() - is a base known
 * @r: the registry
 * @base: its id
 * @pages: receives how many pages were entered; 0 when it is not known
 * @next: receives the index that comes after the last of them
 */
bool registry_has(const struct registry *r, uint64_t base, uint32_t *pages, uint32_t *next)
{
	const struct base *b = base_find(r, base);

	*pages = b ? b->pages : 0;
	*next = b ? b->next : 0;
	return b;
}

/* Its pages are on other nodes. */
void registry_mark_remote(struct registry *r, uint64_t base)
{
	struct base *b = base_find(r, base);

	if (b)
		b->remote = true;
}

/**
 * registry_digest() - what is in a base, in one number
 * @r: the registry
 * @base: its id
 *
 * Return: the same for bases with the same pages under the same indexes, whatever node they
 * are on, as long as hashes are seeded alike; 0 when nothing was entered.
 */
uint64_t registry_digest(const struct registry *r, uint64_t base)
{
	const struct base *b = base_find(r, base);

	return b && b->pages ? b->digest ? b->digest : 1 : 0;
}

static bool slot_leaves(uint32_t slot, const void *arg)
{
	const struct registry *r = arg;

	return r->slots[slot]->leaves;
}

static bool ref_leaves(uint32_t ref, const void *arg)
{
	const struct registry *r = arg;

	return slot_leaves(r->numbers.v[ref].slot, r);
}

/*
 * Remove the bases that leave. Each table is walked once, however many they are:
 * a walk for each of thousands would hold up the event loop for minutes.
 */
static void sweep(struct registry *r)
{
	struct domain *d, *next_domain;
	struct base *b, *next;

	for (b = r->bases; b; b = b->hh.next)
		b->domain->leaving += b->leaves;
	HASH_ITER(hh, r->domains, d, next_domain) {
		d->bases -= d->leaving;
		if (d->leaving && d->bases) {
			table_remove(&d->whole, ref_leaves, r);
			table_remove(&d->sketch, ref_leaves, r);
		}
		d->leaving = 0;
		domain_put(r, d);
	}
	numbers_put(&r->numbers, slot_leaves, r);
	HASH_ITER(hh, r->bases, b, next) {
		if (!b->leaves)
			continue;
		r->slots[b->slot] = NULL;
		HASH_DEL(r->bases, b);
		free(b);
	}
	if (!r->bases)
		numbers_free(&r->numbers);
}

/**
 * registry_remove() - forget a base
 * @r: the registry
 * @base: its id, known or not
 */
void registry_remove(struct registry *r, uint64_t base)
{
	struct base *b = base_find(r, base);

	if (!b)
		return;
	b->leaves = true;
	sweep(r);
}

/**
 * registry_keep() - forget the bases that are not wanted any more
 * @r: the registry
 * @wanted: says whether a base is
 * @arg: for @wanted
 */
void registry_keep(struct registry *r, bool (*wanted)(uint64_t base, void *arg), void *arg)
{
	struct base *b;
	bool any = false;

	for (b = r->bases; b; b = b->hh.next) {
		b->leaves = !wanted || !wanted(b->id, arg);
		any |= b->leaves;
	}
	if (any)
		sweep(r);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	registry_keep(r, NULL, NULL);
	free(r->slots);
	free(r);
}

/* Pages that were met while one page is looked up, and how often. */
struct tally {
	uint32_t ref;
	unsigned int shared;
	bool equal;
};

static struct tally *tally_of(struct tally *v, unsigned int *n, uint32_t ref)
{
	unsigned int i;

	for (i = 0; i < *n; i++)
		if (v[i].ref == ref)
			return &v[i];
	v[*n] = (struct tally){ .ref = ref };
	return &v[(*n)++];
}

static bool better(const struct tally *a, const struct tally *b)
{
	if (a->equal != b->equal)
		return a->equal;
	return a->shared > b->shared;
}

/* The best of all that were met, best first. */
static void rank(const struct registry *r, const struct tally *v, unsigned int n,
		 struct candidates *out)
{
	const struct tally *best[REGISTRY_CANDIDATES];
	unsigned int i, at, kept = 0;
	struct numbered page;

	for (i = 0; i < n; i++) {
		for (at = kept; at && better(&v[i], best[at - 1]); at--)
			if (at < REGISTRY_CANDIDATES)
				best[at] = best[at - 1];
		if (at == REGISTRY_CANDIDATES)
			continue;
		best[at] = &v[i];
		if (kept < REGISTRY_CANDIDATES)
			kept++;
	}
	out->n = kept;
	for (i = 0; i < kept; i++) {
		page = r->numbers.v[best[i]->ref];
		out->v[i] = (struct candidate){
			.base = r->slots[page.slot]->id,
			.index = page.index,
			.shared = best[i]->shared,
			.equal = best[i]->equal,
			.remote = r->slots[page.slot]->remote,
		};
	}
}

static void lookup(const struct registry *r, const struct domain *d, const struct medes_page *page,
		   struct candidates *out)
{
	struct tally tally[(MEDES_SKETCH + 1) * REGISTRY_PAGES_MAX];
	uint32_t refs[REGISTRY_PAGES_MAX];
	unsigned int n = 0, found, i, k;

	found = table_get(&d->whole, page->hash, refs, ARRAY_SIZE(refs));
	for (k = 0; k < found; k++)
		tally_of(tally, &n, refs[k])->equal = true;
	for (i = 0; i < MEDES_SKETCH && page->sketch[i]; i++) {
		found = table_get(&d->sketch, page->sketch[i], refs, ARRAY_SIZE(refs));
		for (k = 0; k < found; k++)
			tally_of(tally, &n, refs[k])->shared++;
	}
	rank(r, tally, n, out);
}

static void prefetch(const struct domain *d, const struct medes_page *page)
{
	unsigned int i;

	table_prefetch(&d->whole, page->hash);
	for (i = 0; i < MEDES_SKETCH && page->sketch[i]; i++)
		table_prefetch(&d->sketch, page->sketch[i]);
}

/**
 * registry_lookup() - find the base pages that resemble some pages
 * @r: the registry
 * @domain: of the sandbox that the pages belong to
 * @pages: what the scan said about them
 * @n: how many
 * @out: receives, for each, its candidates, best first
 */
void registry_lookup(const struct registry *r, const char *domain, const struct medes_page *pages,
		     size_t n, struct candidates *out)
{
	enum { AHEAD = 4 };
	const struct domain *d = domain_find(r, domain);
	size_t i;

	for (i = 0; d && i < n && i < AHEAD; i++)
		prefetch(d, &pages[i]);
	for (i = 0; i < n; i++) {
		out[i].n = 0;
		if (!d)
			continue;
		if (i + AHEAD < n)
			prefetch(d, &pages[i + AHEAD]);
		lookup(r, d, &pages[i], &out[i]);
	}
}

void registry_stats(const struct registry *r, struct registry_stats *out)
{
	const struct domain *d;
	const struct base *b;

	*out = (struct registry_stats){
		.domains = HASH_COUNT(r->domains),
		.bases = HASH_COUNT(r->bases),
	};
	for (b = r->bases; b; b = b->hh.next)
		out->pages += b->pages;
	out->bytes = r->numbers.room * sizeof(struct numbered);
	for (d = r->domains; d; d = d->hh.next) {
		out->entries += d->whole.live + d->sketch.live;
		out->bytes += (d->whole.size + d->sketch.size) * sizeof(struct table_entry);
	}
}
