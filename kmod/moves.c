// SPDX-License-Identifier: GPL-2.0
/*
 * Moves.
 *
 * Two heaps hold the same objects, but not at the same places: what is in a page
 * is in its base page too, some words further up or down, in pieces. So before a
 * page is told word by word, the base page is put together anew, piece by piece
 * as the page has them. What is left to tell is then little more than the slides
 * of pointers, as for pages whose objects did not move.
 *
 * Pieces are found through a table of all pairs of words of the base page, taken
 * blind to where pointers point (fingerprint.c). Where the page leaves the piece
 * it is in, the pair there is looked up, and if the piece found goes on for
 * longer, it is the next one.
 *
 * The decoder trusts nothing: pieces begin in ascending order inside the page,
 * and lie inside the base page, or the list is malformed.
 */
#include "moves.h"

#define MOVE_OCTETS 3	/* words since the one before, first word in the base */
#define MOVE_GAP    255

/*
 * How far a piece is followed to see what it is worth, and by how much the next
 * must be better: its octets in the list cost as much as those of some words.
 */
#define LOOK_AHEAD 12
#define WORTH      3

static __always_inline unsigned int slot_of(u64 first, u64 second)
{
	return (first * 0x9e3779b185ebca87ULL + second * 0xbf58476d1ce4e5b9ULL) >> 54;
}

/* Of equal pairs the first in the base counts. */
static void enter(struct medes_moves_work *work, const u64 *page,
		  const u64 *base)
{
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		work->page[i] = medes_blind(page[i]);
		work->base[i] = medes_blind(base[i]);
	}
	memset(work->slot, 0, sizeof(work->slot));
	for (i = MEDES_PAGE_WORDS - 2; i >= 0; i--)
		if (work->base[i] | work->base[i + 1])
			work->slot[slot_of(work->base[i], work->base[i + 1])] = i + 1;
}

/* Of the next words of the page, how many are those that follow in the base. */
static unsigned int score(const struct medes_moves_work *work, int at, int from)
{
	int n = min(LOOK_AHEAD, MEDES_PAGE_WORDS - max(at, from));
	unsigned int equal = 0;
	int i;

	for (i = 0; i < n; i++)
		equal += work->page[at + i] == work->base[from + i];
	return equal;
}

/* Do two words, not both zero, go on as they do in the base from there on? */
static __always_inline bool meets(const struct medes_moves_work *work, int at,
				  int from)
{
	return work->page[at] == work->base[from] &&
	       work->page[at + 1] == work->base[from + 1];
}

/* Where to go on reading the base for the words of the page from at on. */
static int go_on(const struct medes_moves_work *work, int at, int from)
{
	int other, to = from;
	unsigned int best;

	if (at + 1 == MEDES_PAGE_WORDS)
		return from;
	other = work->slot[slot_of(work->page[at], work->page[at + 1])] - 1;
	if (other >= 0 && !meets(work, at, other))
		other = -1;
	if (other < 0 && (from == at || work->page[at] != work->base[at]))
		return from;
	best = score(work, at, from) + WORTH;
	if (other >= 0 && score(work, at, other) > best) {
		best = score(work, at, other);
		to = other;
	}
	/* back to where it would be if nothing had moved */
	if (from != at && score(work, at, at) >= best)
		to = at;
	return to;
}

/* The list so far. */
struct list {
	u8 *move;
	int moves;
	int at;		/* where the last one begins, */
	int from;	/* and where it is from */
};

/* One move more; false when there is no room for it. */
static bool add(struct list *list, int at, int from)
{
	while (list->moves < MEDES_MOVES_MAX) {
		int gap = min(at - list->at, MOVE_GAP);

		/* one that is too far off to be told by an octet has a stop */
		list->from += gap;
		list->at += gap;
		if (list->at == at)
			list->from = from;
		*list->move = gap;
		put_unaligned_le16(list->from, list->move + 1);
		list->move += MOVE_OCTETS;
		list->moves++;
		if (list->at == at)
			return true;
	}
	return false;
}

/**
 * medes_moves_find() - put a base page together as a page has it
 * @work: scratch space
 * @page: 4096 bytes, 8-byte aligned
 * @base: 4096 bytes, 8-byte aligned
 * @like: receives the base page put together anew
 * @bytes: receives up to MEDES_MOVES_ROOM bytes that say how
 *
 * Context: any.
 * Return: how many of @bytes; 0 when nothing is worth moving, @like being
 * unspecified.
 */
int medes_moves_find(struct medes_moves_work *work, const void *page,
		     const void *base, void *like, u8 *bytes)
{
	struct list list = { .move = bytes + 1 };
	const u64 *in = base;
	u64 *out = like;
	int at, from = 0;

	enter(work, page, base);
	for (at = 0; at < MEDES_PAGE_WORDS; at++, from++) {
		int to = from < MEDES_PAGE_WORDS ? from : at;

		if (work->page[at] != work->base[to])
			to = go_on(work, at, to);
		if (to != from && !add(&list, at, to))
			return 0;
		from = to;
		out[at] = in[from];
	}
	bytes[0] = list.moves;
	return list.moves ? list.move - bytes : 0;
}

/**
 * medes_moves_apply() - put a base page together as a list says
 * @list: the list; nothing is assumed of it
 * @len: bytes that may be read of it
 * @base: 4096 bytes, 8-byte aligned
 * @page: receives 4096 bytes, 8-byte aligned; not @base
 *
 * Context: any.
 * Return: bytes of the list, or -EBADMSG when it is malformed.
 */
int medes_moves_apply(const u8 *list, size_t len, const void *base, void *page)
{
	const u64 *in = base;
	u64 *out = page;
	unsigned int at = 0, from = 0, left, next;
	const u8 *move = list + 1;

	if (!len || len < 1 + (size_t)MOVE_OCTETS * list[0])
		return -EBADMSG;
	for (left = list[0];; left--) {
		next = left ? at + move[0] : MEDES_PAGE_WORDS;
		if (next > MEDES_PAGE_WORDS || from + (next - at) > MEDES_PAGE_WORDS)
			return -EBADMSG;
		memcpy(out + at, in + from, (next - at) * sizeof(*out));
		if (!left)
			return move - list;
		at = next;
		from = get_unaligned_le16(move + 1);
		move += MOVE_OCTETS;
	}
}
