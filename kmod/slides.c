// SPDX-License-Identifier: GPL-2.0
/*
 * Slides.
 *
 * What a pointer of the base page points to lies elsewhere in the page's process,
 * but so does all that is beside it, by the same amount. So a record may begin with
 * that amount for each region that the base page points into. Its pointers are moved
 * accordingly, and the page is told as its difference from the result: no word of it
 * has to be told for having been moved, and for a dictionary, pointers are bytes as
 * any others.
 *
 * Which regions there are, the base page itself says: a list has only the slides, in
 * the order in which regions are met in the page. Who reads and who writes a list
 * remember regions in the same small table, in which two that share a slot displace
 * each other, and count as new when they are met again.
 *
 * The encoder lets the words vote that are in the same place of page and base page.
 * A page compressed against a dictionary has few of them. There the encoder takes what
 * a region did in pages before, if the page has pointers to where that leads: it may
 * be another process's page by now.
 *
 * The decoder trusts nothing: it checks each length before it reads, and touches no
 * word outside the page.
 */
#include "slides.h"

#define TAKES_VOTES  2	/* for a region to slide; */
#define ALONE_VOTES  4	/* likewise where few words have company */
#define TAKES_SHARE  8	/* and at least one of so many, the others taken off */
#define WORTH_VOTES  8	/* for a list to be worth its bytes */

/* Addresses are whole regions, so none of what is not an address is ever in a slot. */
static_assert(MEDES_REGION_SHIFT < 32, "regions are addresses, or none is");

static __always_inline u64 region_of(u64 word)
{
	return word >> MEDES_REGION_SHIFT;
}

static __always_inline unsigned int slot_of(u64 region)
{
	return (region ^ region >> 6 ^ region >> 12) % MEDES_REGION_SLOTS;
}

/* Move all pointers, with table->slide set. */
static void slide(struct medes_slides_table *table, u64 *words)
{
	unsigned int met = 0, i;

	memset(table->slot, 0, sizeof(table->slot));
	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 word = words[i], region = region_of(word);
		unsigned int at = slot_of(region);
		bool there = table->slot[at].region == region;

		/* few are new, and what is not an address never is there */
		if (!there & medes_is_address(word)) {
			table->slot[at].region = region;
			table->slot[at].by = table->slide[met];
			met += met < MEDES_REGIONS_MAX;
			there = true;
		}
		words[i] = word + (there ? table->slot[at].by : 0);
	}
}

/* The regions that the page points to. */
static void look(struct medes_slides_work *work, const u64 *page)
{
	unsigned int i;

	memset(work->seen, 0, sizeof(work->seen));
	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 region = region_of(page[i]);
		u64 *seen = &work->seen[slot_of(region)];

		*seen = medes_is_address(page[i]) ? region : *seen;
	}
}

static bool is_seen(const struct medes_slides_work *work, u64 region)
{
	return work->seen[slot_of(region)] == region;
}

/*
 * All regions, and the most frequent slide of each: a slide loses the votes that
 * others win, and gives way without any (Boyer and Moore's majority vote).
 */
static unsigned int vote(struct medes_slides_work *work, const u64 *page, const u64 *like)
{
	struct medes_slides_table *table = &work->table;
	unsigned int met = 0, i;

	memset(table->slot, 0, sizeof(table->slot));
	memset(work->votes, 0, sizeof(work->votes));
	memset(work->voters, 0, sizeof(work->voters));
	work->number[MEDES_REGION_SLOTS] = MEDES_REGIONS_MAX;
	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 word = like[i], region = region_of(word), by = page[i] - word;
		bool address = medes_is_address(word);
		unsigned int at = address ? slot_of(region) : MEDES_REGION_SLOTS;
		unsigned int number;
		int votes;

		if (address && table->slot[at].region != region) {
			table->slot[at].region = region;
			work->number[at] = met;
			work->region[met] = region;
			met += met < MEDES_REGIONS_MAX;
		}
		number = work->number[at];
		votes = work->votes[number];
		work->voters[number]++;
		work->by[number] = votes ? work->by[number] : by;
		work->votes[number] = votes + (work->by[number] == by ? 1 : -1);
	}
	return met;
}

/* What a region did before, if the page points to where that leads; or 0. */
static u64 known(const struct medes_slides_work *work, u64 region)
{
	unsigned int at = region % MEDES_SLIDES_KNOWN;
	u64 by = work->known[at].by, to;

	if (work->known[at].region != region)
		return 0;
	to = region_of((region << MEDES_REGION_SHIFT) + by);
	return is_seen(work, to) || is_seen(work, to + 1) ? by : 0;
}

/**
 * medes_slides_know() - remember what a region did, for pages to come
 * @work: scratch space, which remembers it
 * @region: the region
 * @by: its slide
 *
 * Context: any.
 */
void medes_slides_know(struct medes_slides_work *work, u64 region, u64 by)
{
	unsigned int at = region % MEDES_SLIDES_KNOWN;

	if (by % MEDES_PAGE_SIZE)
		return;
	work->known[at].region = region;
	work->known[at].by = by;
}

/* The slides that count; how many words they serve. */
static int settle(struct medes_slides_work *work, const u64 *page, unsigned int regions,
		  bool aligned)
{
	int least = aligned ? TAKES_VOTES : ALONE_VOTES, served = 0;
	bool looked = false;
	unsigned int i;

	for (i = 0; i < regions; i++) {
		bool whole = !(work->by[i] % MEDES_PAGE_SIZE);

		if (work->votes[i] < work->voters[i] / TAKES_SHARE)
			work->votes[i] = 0;
		if (work->votes[i] >= ALONE_VOTES)
			medes_slides_know(work, work->region[i], work->by[i]);
		if (work->votes[i] < least || !(aligned || whole)) {
			if (!looked)
				look(work, page);
			looked = true;
			work->by[i] = known(work, work->region[i]);
			work->votes[i] = aligned ? 1 : ALONE_VOTES;
		}
		if (work->by[i])
			served += work->votes[i];
	}
	return served;
}

/* The list, and work->table.slide as it says. */
static int put_list(struct medes_slides_work *work, unsigned int regions, u8 *list)
{
	u64 *slide = work->table.slide, different[MEDES_SLIDES_MAX];
	u8 code[MEDES_REGIONS_MAX + 1] = { 0 };
	unsigned int n = 0, used = 0, i, k;
	u8 *out = list + 1;

	memset(slide, 0, sizeof(work->table.slide));
	for (i = 0; i < regions; i++) {
		if (!work->by[i])
			continue;
		for (k = 0; k < n && different[k] != work->by[i]; k++)
			;
		if (k == MEDES_SLIDES_MAX)
			continue;
		if (k == n) {
			different[n++] = work->by[i];
			out = medes_put_addend(out, 0, work->by[i]);
		}
		code[i] = k + 1;
		slide[i] = work->by[i];
		used = i + 1;
	}
	list[0] = n;
	*out++ = used;
	for (i = 0; i < used; i += 2)
		*out++ = code[i] | code[i + 1] << 4;
	return out - list;
}

/**
 * medes_slides_find() - move the pointers of a base page as a page has them
 * @work: scratch space, which remembers what it saw
 * @page: 4096 bytes, 8-byte aligned
 * @like: the base page, likewise; receives it with its pointers moved
 * @aligned: what is in the same place of both mostly belongs together
 * @list: receives up to MEDES_SLIDES_ROOM bytes that say how
 *
 * Context: any.
 * Return: how many of @list; 0 when nothing is worth moving, @like being as it was.
 */
int medes_slides_find(struct medes_slides_work *work, const void *page, void *like,
		      bool aligned, u8 *list)
{
	unsigned int regions;
	int len;

	regions = vote(work, page, like);
	if (settle(work, page, regions, aligned) < WORTH_VOTES)
		return 0;
	len = put_list(work, regions, list);
	slide(&work->table, like);
	return len;
}

/**
 * medes_slides_apply() - move the pointers of a page as a list says
 * @table: scratch space
 * @list: the list; nothing is assumed of it
 * @len: bytes that may be read of it
 * @page: 4096 bytes, 8-byte aligned
 *
 * Context: any.
 * Return: bytes of the list, or -EBADMSG when it is malformed.
 */
int medes_slides_apply(struct medes_slides_table *table, const u8 *list, size_t len,
		       void *page)
{
	u64 different[MEDES_SLIDES_MAX + 1] = { 0 };
	const u8 *in = list, *end = list + len;
	unsigned int n, regions, above, i;

	if (!len || !*in || *in > MEDES_SLIDES_MAX)
		return -EBADMSG;
	n = *in++;
	for (i = 1; i <= n; i++) {
		in = medes_get_addend(in, end, &above, &different[i]);
		if (!in || above)
			return -EBADMSG;
	}
	if (in == end || *in > MEDES_REGIONS_MAX)
		return -EBADMSG;
	regions = *in++;
	if ((regions + 1) / 2 > end - in)
		return -EBADMSG;
	memset(table->slide, 0, sizeof(table->slide));
	for (i = 0; i < regions; i++) {
		unsigned int code = in[i / 2] >> i % 2 * 4 & 15;

		if (code > n)
			return -EBADMSG;
		table->slide[i] = different[code];
	}
	slide(table, page);
	return in + (regions + 1) / 2 - list;
}
