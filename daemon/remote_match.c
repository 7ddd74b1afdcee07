// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From buckets to candidates: base pages that have hashes of a page are counted, and ranked
 * among those of this node.
 */
#include <stdlib.h>
#include <string.h>
#include "remote_lookup.h"

static void add_match(struct lookup *l, const struct ask *ask, const struct entry *entry)
{
	struct match *matches;
	size_t room;

	if (l->n_matches == l->room) {
		room = l->room ? 2 * l->room : 256;
		matches = realloc(l->matches, room * sizeof(*matches));
		if (!matches)
			return;
		l->matches = matches;
		l->room = room;
	}
	l->matches[l->n_matches++] = (struct match){
		.page = ask->page, .whole = ask->whole, .base = entry->base, .index = entry->index,
	};
}

/**
 * remote_take_bucket() - find a hash in its bucket
 * @l: the look-up
 * @ask: the hash
 * @bytes: what the bucket holds
 * @len: how much
 */
void remote_take_bucket(struct lookup *l, const struct ask *ask, const unsigned char *bytes,
			size_t len)
{
	size_t at, before = l->n_matches;
	struct entry entry;

	for (at = 0; at + ENTRY_SIZE <= len; at += ENTRY_SIZE) {
		entry = entry_unpack(bytes + at);
		if (entry.tag == ask->place.tag)
			add_match(l, ask, &entry);
	}
	l->remote->counts.hits += l->n_matches > before;
}

static int by_page(const void *left, const void *right)
{
	const struct match *a = left, *b = right;

	if (a->page != b->page)
		return a->page < b->page ? -1 : 1;
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static bool better(const struct candidate *a, const struct candidate *b)
{
	return a->equal != b->equal ? a->equal : a->shared > b->shared;
}

/* Ours stay in front of equally good ones. */
static void insert(struct candidates *to, const struct candidate *c)
{
	unsigned int at = to->n;

	while (at && better(c, &to->v[at - 1]))
		at--;
	if (at == REGISTRY_CANDIDATES)
		return;
	if (to->n < REGISTRY_CANDIDATES)
		to->n++;
	memmove(&to->v[at + 1], &to->v[at], (to->n - at - 1) * sizeof(*to->v));
	to->v[at] = *c;
}

/* A base page of another node: a candidate, if the base is at hand. */
static void offer(struct lookup *l, unsigned int page, struct remote_base *base,
		  struct candidate *c)
{
	struct candidates *found = &l->found[page];
	struct remote *r = l->remote;

	c->base = r->resolve ? r->resolve(base->node, base->id, base->generation, r->arg) : 0;
	if (c->base) {
		insert(found, c);
	} else if (!found->n || better(c, &found->v[0])) {
		base->wanted++;
		r->counts.foreign++;
	}
}

/**
 * remote_merge() - add what was found to what this node has
 * @l: the look-up, all of whose buckets have come, or will not
 */
void remote_merge(struct lookup *l)
{
	struct match *m = l->matches, *end = m + l->n_matches, *first;
	unsigned int last_page = UINT16_MAX;
	struct remote_base *base;
	struct candidate c;

	if (l->n_matches)
		qsort(m, l->n_matches, sizeof(*m), by_page);
	while (m < end) {
		c = (struct candidate){ .index = m->index };
		for (first = m; m < end && !by_page(first, m); m++) {
			c.equal |= m->whole;
			c.shared += !m->whole;
		}
		base = remote_base(l->remote, first->base);
		if (!base || strcmp(base->domain, l->domain) ||
		    !strcmp(base->node, l->remote->node))
			continue;
		l->remote->counts.pages_found += first->page != last_page;
		last_page = first->page;
		offer(l, first->page, base, &c);
	}
}
