// SPDX-License-Identifier: GPL-2.0
/*
 * Moves.
 *
 * Two heaps hold the same objects, but not at the same places: what is in a page
 * is in its base page too, some words further up or down, in pieces, or in a page
 * beside that. So before a page is told word by word, the base page is put
 * together anew, piece by piece as the page has them. What is left to tell is then
 * little more than the slides of pointers, as for pages whose objects did not move.
 *
 * Pieces are found through a table of all pairs of words of the base page, taken
 * blind to where pointers point. Where the page leaves the piece it is in, the
 * pair there is looked up, and if the piece found goes on for longer, it is the
 * next one. Objects lie at even words: so of the neighbours every other pair will do.
 *
 * The decoder trusts nothing: pieces begin in ascending order inside the page,
 * and lie inside one base page that is there, or the list is malformed.
 */
#include "moves.h"

#define MOVE_OCTETS 3	/* words since the one before, first word in the bases */
#define MOVE_GAP    255

/* Words of all base pages are numbered; this is the first of the base page itself. */
#define HOME (MEDES_ITSELF * MEDES_PAGE_WORDS)

/*
 * How far a piece is followed to see what it is worth, and by how much the next
 * must be better: its octets in the list cost as much as those of some words.
 */
#define LOOK_AHEAD 12
#define WORTH      3

/* Of two words that are zero, and hardly any others: 0. */
static __always_inline unsigned int slot_of(u64 first, u64 second)
{
	return (first + (second << 29 | second >> 35)) * 0x9e3779b185ebca87ULL >> 53;
}

/*
 * The pairs of a page into the table. Of those that share a slot the last one entered
 * stays, which takes neither a look nor a branch. So a page is entered from its end:
 * of equal pairs the first counts, and those of the page entered last.
 */
static __always_inline void enter(struct medes_moves_work *work, const u64 *base,
				  unsigned int which, int step)
{
	u64 *blind = work->base + which * MEDES_PAGE_WORDS;
	unsigned int first = which * MEDES_PAGE_WORDS;
	int i;

	work->near |= 1 << which;
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		blind[i] = medes_blind(base[i]);
	for (i = MEDES_PAGE_WORDS - 2; i >= 0; i -= step)
		work->slot[slot_of(blind[i], blind[i + 1])] = first + i + 1;
}

/* Of the next words of the page, how many are those that follow in the base. */
static unsigned int score(const struct medes_moves_work *work, int at, int from)
{
	int n = min(LOOK_AHEAD, MEDES_PAGE_WORDS - max(at, from % MEDES_PAGE_WORDS));
	unsigned int equal = 0;
	int i;

	for (i = 0; i < n; i++)
		equal += work->page[at + i] == work->base[from + i];
	return equal;
}

/* Where in the base are this word of the page and the next? -1 for nowhere. */
static __always_inline int find(const struct medes_moves_work *work, int at)
{
	int from;

	if (at + 1 == MEDES_PAGE_WORDS)
		return -1;
	from = work->slot[slot_of(work->page[at], work->page[at + 1])] - 1;
	if (from >= 0 && work->page[at] == work->base[from] &&
	    work->page[at + 1] == work->base[from + 1])
		return from;
	return -1;
}

/* Where to go on reading the base for the words of the page from at on. */
static int go_on(const struct medes_moves_work *work, int at, int from)
{
	int other = find(work, at), home = HOME + at, to = from;
	unsigned int best, found;

	if (other < 0 && (from == home || work->page[at] != work->base[home]))
		return from;
	best = score(work, at, from) + WORTH;
	if (other >= 0) {
		found = score(work, at, other);
		if (found > best) {
			best = found;
			to = other;
		}
	}
	/* back to where it would be if nothing had moved */
	if (from != home && score(work, at, home) >= best)
		to = home;
	return to;
}

/* The list so far. */
struct list {
	u8 *move;
	int moves;
	int at;			/* where the last one begins, */
	int from;		/* and where it is from */
	unsigned int reach;	/* pages that they are from, bit by bit */
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
		if (list->at == at) {
			list->reach |= 1 << from / MEDES_PAGE_WORDS;
			return true;
		}
	}
	return false;
}

/* Find the moves; false when there are too many. */
static bool search(const struct medes_moves_work *work, struct list *list)
{
	int at = 0, from = HOME, to;

	while (at < MEDES_PAGE_WORDS) {
		/* no piece goes on in the next page */
		bool end = at && from % MEDES_PAGE_WORDS == 0;

		if (end) {
			if (!(work->near >> from / MEDES_PAGE_WORDS & 1))
				from = HOME + at;
		} else {
			int left = MEDES_PAGE_WORDS - max(at, from % MEDES_PAGE_WORDS);

			for (; left && work->page[at] == work->base[from]; left--, at++, from++)
				;
			if (!left)
				continue;
		}
		to = work->page[at] == work->base[from] ? from : go_on(work, at, from);
		if ((to != from || end) && !add(list, at, to))
			return false;
		at++;
		from = to + 1;
	}
	return true;
}

/**
 * medes_moves_find() - put a base page together as a page has it
 * @work: scratch space
 * @page: 4096 bytes, 8-byte aligned
 * @base: what there is to put together; the base page itself is there
 * @all: ask its neighbours, too
 * @like: receives the base page put together anew
 * @bytes: receives up to MEDES_MOVES_ROOM bytes that say how
 * @reach: receives which pages were used, 1 << MEDES_BEFORE and so on
 *
 * Context: any.
 * Return: how many of @bytes; 0 when nothing is worth moving, the rest being
 * unspecified.
 */
int medes_moves_find(struct medes_moves_work *work, const void *page,
		     const struct medes_bases *base, bool all, void *like,
		     u8 *bytes, unsigned int *reach)
{
	struct list list = {
		.move = bytes + 1,
		.from = HOME,
		.reach = 1 << MEDES_ITSELF,
	};
	const u64 *words = page;
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		work->page[i] = medes_blind(words[i]);
	memset(work->slot, 0, sizeof(work->slot));
	work->near = 0;
	if (all && base->page[MEDES_AFTER])
		enter(work, base->page[MEDES_AFTER], MEDES_AFTER, 2);
	if (all && base->page[MEDES_BEFORE])
		enter(work, base->page[MEDES_BEFORE], MEDES_BEFORE, 2);
	enter(work, base->page[MEDES_ITSELF], MEDES_ITSELF, 1);
	/* zeros are everywhere, and say nothing */
	work->slot[0] = 0;
	if (!search(work, &list) || !list.moves)
		return 0;
	*reach = list.reach;
	bytes[0] = list.moves;
	medes_moves_apply(bytes, list.move - bytes, base, like);
	return list.move - bytes;
}

/**
 * medes_moves_apply() - put a base page together as a list says
 * @list: the list; nothing is assumed of it
 * @len: bytes that may be read of it
 * @base: the base page, and what else is there
 * @page: receives 4096 bytes, 8-byte aligned; none of @base
 *
 * Context: any.
 * Return: bytes of the list, or -EBADMSG when it is malformed.
 */
int medes_moves_apply(const u8 *list, size_t len,
		      const struct medes_bases *base, void *page)
{
	u64 *out = page;
	unsigned int at = 0, from = HOME, left, next;
	const u8 *move = list + 1;

	left = len ? list[0] & ~MEDES_MOVES_SLIDES : 0;
	if (!len || len < 1 + (size_t)MOVE_OCTETS * left)
		return -EBADMSG;
	for (;; left--) {
		unsigned int which = from / MEDES_PAGE_WORDS;
		const u64 *in;

		next = left ? at + move[0] : MEDES_PAGE_WORDS;
		if (next > MEDES_PAGE_WORDS || which >= MEDES_NEAR || !base->page[which])
			return -EBADMSG;
		in = base->page[which];
		from %= MEDES_PAGE_WORDS;
		if (from + (next - at) > MEDES_PAGE_WORDS)
			return -EBADMSG;
		memcpy(out + at, in + from, (next - at) * sizeof(*out));
		if (!left)
			return move - list;
		at = next;
		from = get_unaligned_le16(move + 1);
		move += MOVE_OCTETS;
	}
}
