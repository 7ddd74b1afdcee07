// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From buckets to candidates: base pages that have hashes of a page are counted, and ranked
 * among those of this node.
 */
#include <endian.h>
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
	const uint32_t tag = htole32(ask->place.tag);
	size_t at, before = l->n_matches;
	struct entry entry;

	/* most are another's: not unpacked for that */
	for (at = 0; at + ENTRY_SIZE <= len; at += ENTRY_SIZE) {
		if (memcmp(bytes + at, &tag, sizeof(tag)))
			continue;
		entry = entry_unpack(bytes + at);
		add_match(l, ask, &entry);
	}
	l->remote->counts.hits += l->n_matches > before;
}

/* Of matches of the same page. */
static int by_base(const struct match *a, const struct match *b)
{
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/*
 * By page, base and index. They are many, but few of each page, and a page is a small number: its place
 * is counted out, and the few are put in order one by one.
 */
static bool sort_matches(struct lookup *l)
{
	unsigned int *begin = calloc(2 * (l->n + 1), sizeof(*begin)), *n = begin + l->n + 1, i;
	struct match *sorted = malloc(l->n_matches * sizeof(*sorted)), *to, *first;
	const struct match *m;

	if (!begin || !sorted) {
		free(begin);
		free(sorted);
		return false;
	}
	for (m = l->matches; m < l->matches + l->n_matches; m++)
		begin[m->page + 1]++;
	for (i = 0; i < l->n; i++)
		begin[i + 1] += begin[i];
	for (m = l->matches; m < l->matches + l->n_matches; m++) {
		first = sorted + begin[m->page];
		for (to = first + n[m->page]++; to > first && by_base(m, to - 1) < 0; to--)
			*to = to[-1];
		*to = *m;
	}
	free(begin);
	free(l->matches);
	l->matches = sorted;
	return true;
}

static bool better(const struct candidate *a, const struct candidate *b)
{
	return a->equal != b->equal ? a->equal : a->shared > b->shared;
}

/*
 * Ours stay in front of equally good ones. A base that several nodes have is met several times,
 * and is the same one here.
 */
static void insert(struct candidates *to, const struct candidate *c)
{
	unsigned int at = to->n, i;

	for (i = 0; i < to->n; i++)
		if (to->v[i].base == c->base && to->v[i].index == c->index)
			return;
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

	c->base = base->import;
	c->remote = true;
	if (c->base) {
		insert(found, c);
	} else if (!found->n || better(c, &found->v[0])) {
		l->remote->counts.foreign++;
		remote_want(l->remote, base);
	}
}

/**
 * remote_merge() - add what was found to what this node has
 * @l: the look-up, all of whose buckets have come, or will not
 */
void remote_merge(struct lookup *l)
{
	struct match *m, *end, *first;
	unsigned int last_page = UINT16_MAX;
	struct remote_base *base;
	struct candidate c;

	if (!l->n_matches || !sort_matches(l))
		return;
	m = l->matches;
	end = m + l->n_matches;
	while (m < end) {
		c = (struct candidate){ .index = m->index };
		for (first = m; m < end && m->page == first->page && !by_base(first, m); m++) {
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
