// SPDX-License-Identifier: GPL-2.0
/*
 * Encodings: ZERO and SAME, which need no bytes; WORDS, a word patch against a
 * base page; DICT, the page compressed with the base page as the dictionary;
 * SELF, the page alone, as a word patch against zeros or compressed.
 *
 * Two modes. Fast writes word patches and compresses with LZ4; dense guesses the words
 * (guess.c), and compresses pages that guesses do little for with zstd. Its records are
 * a third shorter and take some times as long to decode. Either decodes both.
 *
 * What a record holds begins with an octet that says how the rest is to be
 * read. decode.c reads it, and Documentation/record-format.rst has it octet by octet.
 *
 * The caller brings all memory, and each workspace has one user at a time.
 * Nothing here allocates, sleeps or locks.
 */
#include "codec.h"
#include "fingerprint.h"

/* Above these, trying harder wins more than it takes. */
#define PACK_ABOVE      128	/* bytes of patch */
#define TRY_MOVES_ABOVE 24	/* words that differ in more than where they point */
#define TRY_NEAR_ABOVE  64	/* likewise: then from the neighbours, too */

/* Slides take as long to decode as a short patch, so many pointers must have moved. */
#define TRY_SLIDES_ABOVE 32

/*
 * What a dense record takes to decode, in steps of who reads guesses, which are a bit with odds
 * or some without, a dozen cycles each. So many are for all that comes before and behind, and
 * zstd's have them for octets. Records may take so many on average.
 */
#define GUESS_STEPS   250
#define ZSTD_STEPS    700
#define ZSTD_OCTETS   3		/* for each step */
#define STEPS_ALLOWED 935

/*
 * A byte less is worth so many steps. It gets dearer when records take more than is allowed,
 * twice as dear by so many steps. What they take less is kept for others, within bounds.
 */
#define BYTE_STEPS    64
#define TWICE_AS_DEAR 8192
#define DEBT_MAX      (64 * TWICE_AS_DEAR)
#define CREDIT_MAX    (16 * TWICE_AS_DEAR)

/* The modes, and dense once more for the record that wins. */
enum effort { FAST = MEDES_MODE_FAST, DENSE = MEDES_MODE_DENSE, HARDER };

static const struct {
	u16 dict;	/* bytes of record */
	u16 self;
	u16 self_page;
} try_above[] = {
	[FAST] = { 700, 900, 1200 },
	[DENSE] = { 128, 512, 512 },
};

/**
 * medes_workspace_size() - memory that one encoder needs
 *
 * Context: any.
 * Return: bytes.
 */
size_t medes_workspace_size(void)
{
	return MEDES_ALIGNED(sizeof(struct medes_workspace)) + medes_packer_room();
}

/**
 * medes_workspace_init() - make memory an encoder's
 * @mem: medes_workspace_size() bytes, 64-byte aligned; the caller frees them
 *
 * Context: any.
 * Return: the workspace, at @mem, or NULL when zstd wants more.
 */
struct medes_workspace *medes_workspace_init(void *mem)
{
	struct medes_workspace *ws = mem;

	if (medes_packer_init(&ws->packer, mem + MEDES_ALIGNED(sizeof(*ws)),
			      medes_packer_room()))
		return NULL;
	memset(ws->none, 0, sizeof(ws->none));
	memset(ws->zeros, 0, sizeof(ws->zeros));
	medes_guess_init(&ws->guess);
	ws->debt = 0;
	memset(&ws->slides, 0, sizeof(ws->slides));
	return ws;
}

static u8 packed_head(enum effort effort)
{
	return effort != FAST ? MEDES_HEAD_DENSE : MEDES_HEAD_LZ4;
}

/* A page, in at most room bytes; 0 or less when that is too few; dict is a page, or NULL. */
static int pack_page(struct medes_workspace *ws, enum effort effort,
		     const void *page, const void *dict, void *dst, int room)
{
	if (effort != FAST)
		return medes_zstd_pack(&ws->packer, effort == HARDER, dict, page,
				       MEDES_PAGE_SIZE, dst, room);
	return medes_lz4_pack(&ws->packer, dict ?: ws->none,
			      dict ? MEDES_PAGE_SIZE : MEDES_NO_DICT, page,
			      MEDES_PAGE_SIZE, dst, room);
}

/* Words that differ in more than where they point. */
static unsigned int count_odd(const struct medes_words_work *words,
			      const u64 *page, const u64 *base)
{
	unsigned int odd = 0, i;

	for (i = 0; i < words->count; i++) {
		u64 word = page[words->where[i]];

		odd += (word ^ base[words->where[i]]) % MEDES_PAGE_SIZE ||
		       !medes_is_address(word);
	}
	return odd;
}

/*
 * Make the base page anew, in ws->like, of pieces of itself and its neighbours. Returns the
 * length of the list that says how, at the begin of ws->patch; 0: it stays as it is. Which
 * words differ then is in ws->words.
 */
static int make_like(struct medes_workspace *ws, const void *page, const struct medes_bases *base,
		     unsigned int *odd, unsigned int *reach)
{
	const void *itself = base->page[MEDES_ITSELF];

	medes_words_compare(&ws->words, page, itself);
	*odd = count_odd(&ws->words, page, itself);
	if (*odd <= TRY_MOVES_ABOVE)
		return 0;
	return medes_moves_find(&ws->moves, page, base, *odd > TRY_NEAR_ABOVE, ws->like,
				ws->patch, reach);
}

/* Likewise, and move its pointers. */
static int make_slid(struct medes_workspace *ws, const void *page, const struct medes_bases *base,
		     unsigned int *reach)
{
	const void *itself = base->page[MEDES_ITSELF];
	unsigned int odd;
	int len = make_like(ws, page, base, &odd, reach), slides = 0;

	if (ws->words.count - odd > TRY_SLIDES_ABOVE) {
		u8 *list = ws->patch + (len ?: MEDES_MOVES_NONE);

		if (!len)
			memcpy(ws->like, itself, MEDES_PAGE_SIZE);
		slides = medes_slides_find(&ws->slides, page, ws->like, true, list);
	}
	if (slides) {
		ws->patch[0] = MEDES_MOVES_SLIDES | (len ? ws->patch[0] : 0);
		len = (len ?: MEDES_MOVES_NONE) + slides;
	}
	if (len)
		medes_words_compare(&ws->words, page, ws->like);
	return len;
}

/* The patch against base, compressed if that helps, in at most room bytes. */
static int encode_patch(struct medes_workspace *ws, const void *page,
			const struct medes_bases *base, int room, u8 *record,
			unsigned int *reach)
{
	const void *like = base ? base->page[MEDES_ITSELF] : NULL;
	int len = 0, packed = 0;
	unsigned int codes;
	u8 head;

	if (base)
		len = make_slid(ws, page, base, reach);
	else
		medes_words_compare(&ws->words, page, NULL);
	head = len ? MEDES_HEAD_MADE : 0;
	len += medes_words_diff(&ws->words, page, len ? ws->like : like, ws->patch + len,
				&codes);
	head |= codes;
	if (len > PACK_ABOVE)
		packed = medes_lz4_pack(&ws->packer, ws->none, sizeof(ws->none), ws->patch, len,
					record + 1, min(len, room) - 1);
	if (packed > 0) {
		record[0] = head | MEDES_HEAD_LZ4;
		return packed + 1;
	}
	if (len >= room)
		return -E2BIG;
	record[0] = head;
	memcpy(record + 1, ws->patch, len);
	return len + 1;
}

/* What guesses take to decode. */
struct cost {
	int bytes;		/* that they have to be shorter for it */
	unsigned int steps;
};

/* What the steps of these guesses are worth, in bytes. */
static int price(const struct medes_workspace *ws)
{
	u64 steps = ws->guess.coder.steps;

	return (steps + steps * max(ws->debt, 0) / TWICE_AS_DEAR) / BYTE_STEPS;
}

/* A dense record was made: does the next one have to take less? */
static void account(struct medes_workspace *ws, const u8 *record, int len, unsigned int steps)
{
	int takes = 0;

	if (len > 0)
		takes = record[0] & MEDES_HEAD_PAGE ? ZSTD_STEPS + len / ZSTD_OCTETS :
						GUESS_STEPS + (int)steps;
	ws->debt = clamp(ws->debt + takes - STEPS_ALLOWED, -CREDIT_MAX, DEBT_MAX);
}

/* The page by guesses, likewise. */
static int encode_guesses(struct medes_workspace *ws, const void *page,
			  const struct medes_bases *base, int room, u8 *record,
			  unsigned int *reach, struct cost *cost)
{
	const void *like = base ? base->page[MEDES_ITSELF] : ws->zeros;
	unsigned int odd, i;
	int made = 0, best = -E2BIG;

	if (base)
		made = make_like(ws, page, base, &odd, reach);
	if (made + 1 >= room)
		return -E2BIG;
	for (i = 0; i < MEDES_PRIORS; i++) {
		int len = medes_guess_write(&ws->guess, i, page, made ? ws->like : like,
					    ws->guesses, room - 1 - made);

		if (len < 0 || (best >= 0 && len + price(ws) >= best + cost->bytes))
			continue;
		best = len;
		*cost = (struct cost) { price(ws), ws->guess.coder.steps };
		memcpy(record + 1 + made, ws->guesses, len);
		record[0] = MEDES_HEAD_DENSE | (made ? MEDES_HEAD_MADE : 0) | i;
	}
	/* a dictionary's pointers will be moved likewise */
	for (i = 0; base && i < MEDES_GUESS_REGIONS; i++)
		if (ws->guess.region[i].of)
			medes_slides_know(&ws->slides, ws->guess.region[i].of,
					  ws->guess.region[i].by);
	if (best < 0)
		return best;
	memcpy(record + 1, ws->patch, made);
	return 1 + made + best;
}

static int encode_words(struct medes_workspace *ws, enum effort effort, const void *page,
			const struct medes_bases *base, int room, u8 *record,
			unsigned int *reach, struct cost *cost)
{
	*reach = base ? 1 << MEDES_ITSELF : 0;
	*cost = (struct cost) { 0 };
	if (effort == FAST)
		return encode_patch(ws, page, base, room, record, reach);
	return encode_guesses(ws, page, base, room, record, reach, cost);
}

/* The page itself; dict is a page to refer to, or NULL; pixels have so many octets, or 0. */
static int encode_page(struct medes_workspace *ws, enum effort effort, const void *page,
		       const void *dict, unsigned int pixels, int room, u8 *record)
{
	u8 head = MEDES_HEAD_PAGE | packed_head(effort) | pixels;
	int len = 0, packed;

	if (dict) {
		memcpy(ws->like, dict, MEDES_PAGE_SIZE);
		dict = ws->like;
		len = medes_slides_find(&ws->slides, page, ws->like, false, record + 1);
		head |= len ? MEDES_HEAD_MADE : 0;
	}
	if (pixels) {
		medes_pixels_take(page, pixels, ws->like);
		page = ws->like;
	}
	packed = pack_page(ws, effort, page, dict, record + 1 + len, room - 1 - len);
	if (packed <= 0)
		return -E2BIG;
	record[0] = head;
	return 1 + len + packed;
}

/* The best record so far, and where the next may be tried. */
struct best {
	int len;		/* -E2BIG: none */
	struct cost cost;
	u8 encoding;
	u8 reach;
	u8 *record;
	u8 *next;
};

/* How long the next may be. Of equals, the one that needs no base page. */
static int room(const struct best *best, u8 encoding)
{
	int longest;

	if (best->len <= 0)
		return MEDES_PATCH_MAX;
	longest = best->len + best->cost.bytes;
	if (encoding != MEDES_ENCODING_SELF || best->encoding == encoding)
		longest--;
	return min(longest, MEDES_PATCH_MAX);
}

static bool is_below(const struct best *best, int len)
{
	return best->len > 0 && best->len <= len;
}

static void tried(struct best *best, u8 encoding, int len, struct cost cost, unsigned int reach)
{
	if (len <= 0 || (best->len > 0 && len + cost.bytes > room(best, encoding)))
		return;
	best->len = len;
	best->cost = cost;
	best->encoding = encoding;
	best->reach = reach;
	swap(best->record, best->next);
}

static void try_words(struct medes_workspace *ws, enum effort effort,
		      const void *page, const struct medes_bases *base,
		      u8 encoding, struct best *best)
{
	unsigned int reach;
	struct cost cost;
	int len = encode_words(ws, effort, page, base, room(best, encoding), best->next, &reach,
			       &cost);

	tried(best, encoding, len, cost, reach);
}

static void try_page(struct medes_workspace *ws, enum effort effort,
		     const void *page, const void *dict, unsigned int pixels, u8 encoding,
		     struct best *best)
{
	tried(best, encoding,
	      encode_page(ws, effort, page, dict, pixels, room(best, encoding), best->next),
	      (struct cost) { 0 }, dict ? 1 << MEDES_ITSELF : 0);
}

/* As it is, and dense also by what changes from pixel to pixel. */
static void try_self(struct medes_workspace *ws, enum effort effort, const void *page,
		     struct best *best)
{
	unsigned int pixels = effort == FAST ? 0 : medes_pixels_find(page);

	try_page(ws, effort, page, NULL, 0, MEDES_ENCODING_SELF, best);
	if (pixels)
		try_page(ws, effort, page, NULL, pixels, MEDES_ENCODING_SELF, best);
}

/* The same once more, taking long. */
static void try_harder(struct medes_workspace *ws, const void *page, const void *dict,
		       struct best *best)
{
	u8 encoding = best->encoding;

	try_page(ws, HARDER, page, encoding == MEDES_ENCODING_DICT ? dict : NULL,
		 best->record[0] & MEDES_HEAD_CODES, encoding, best);
}

/**
 * medes_encode() - find the smallest record for a page
 * @ws: scratch space; holds the record until its next use
 * @mode: what the record may cost to decode
 * @page: 4096 bytes, 8-byte aligned, that nobody writes meanwhile
 * @base: pages to refer to, likewise, or NULL; if any, the base page itself
 * @coded: receives the record
 *
 * Context: any, with @ws to itself; some microseconds, in dense mode hundreds.
 * Return: length of the record in bytes, 0 for ZERO and SAME, at most
 * MEDES_PATCH_MAX; -E2BIG when no encoding pays.
 */
int medes_encode(struct medes_workspace *ws, enum medes_mode mode,
		 const void *page, const struct medes_bases *base,
		 struct medes_coded *coded)
{
	const void *dict = base ? base->page[MEDES_ITSELF] : NULL;
	enum effort effort = mode == MEDES_MODE_DENSE ? DENSE : FAST;
	struct best best = {
		.len = -E2BIG,
		.record = ws->record[0],
		.next = ws->record[1],
	};

	if (medes_page_is_zero(page)) {
		best.encoding = MEDES_ENCODING_ZERO;
		best.len = 0;
		goto out;
	}
	if (dict && !memcmp(page, dict, MEDES_PAGE_SIZE)) {
		best.encoding = MEDES_ENCODING_SAME;
		best.reach = 1 << MEDES_ITSELF;
		best.len = 0;
		goto out;
	}
	if (dict)
		try_words(ws, effort, page, base, MEDES_ENCODING_WORDS, &best);
	if (dict && !is_below(&best, try_above[effort].dict))
		try_page(ws, effort, page, dict, 0, MEDES_ENCODING_DICT, &best);
	if (!is_below(&best, try_above[effort].self))
		try_words(ws, effort, page, NULL, MEDES_ENCODING_SELF, &best);
	if (!is_below(&best, try_above[effort].self_page))
		try_self(ws, effort, page, &best);
	if (effort == DENSE && best.len > 0 && best.record[0] & MEDES_HEAD_PAGE)
		try_harder(ws, page, dict, &best);
out:
	if (effort == DENSE)
		account(ws, best.record, best.len, best.cost.steps);
	coded->encoding = best.encoding;
	coded->reach = best.reach;
	coded->data = best.record;
	coded->len = best.len;
	return best.len;
}

/**
 * medes_record_is_dense() - is a record as dense mode writes it?
 * @encoding: of the record
 * @data: the record
 * @len: its length
 *
 * Context: any.
 * Return: true when it is.
 */
bool medes_record_is_dense(u8 encoding, const void *data, size_t len)
{
	const u8 *record = data;

	return encoding > MEDES_ENCODING_SAME && len && record[0] & MEDES_HEAD_DENSE;
}
