// SPDX-License-Identifier: GPL-2.0
/*
 * Encodings: ZERO and SAME, which need no bytes; WORDS, a word patch against a
 * base page; DICT, the page compressed with the base page as the dictionary;
 * SELF, the page alone, as a word patch against zeros or compressed.
 *
 * Two modes. Fast compresses with LZ4, dense with zstd, whose records are a
 * third shorter and take some times as long to decode. Either decodes both.
 *
 * What a record holds begins with an octet that says how the rest is to be
 * read, and decoding trusts neither it nor anything behind it: the libraries'
 * safe decoders and medes_words_apply() check every length, all they write is
 * the page and the scratch space. A record that is damaged but well-formed
 * gives another page; who must not take that for the right one keeps a
 * checksum. Documentation/record-format.rst has it octet by octet.
 *
 * The caller brings all memory, and each workspace has one user at a time.
 * Nothing here allocates, sleeps or locks.
 */
#include "codec.h"
#include "fingerprint.h"

/* The first octet. */
#define HEAD_CODES 0x0f	/* of the word patch */
#define HEAD_ZSTD  0x10	/* the rest is compressed, */
#define HEAD_LZ4   0x80	/* likewise; not both */
#define HEAD_MADE  0x20	/* how the base page is made anew comes first */
#define HEAD_PAGE  0x40	/* the rest gives the page, not a patch */

/* Above these, trying harder wins more than it takes. */
#define HARDER_ABOVE    64	/* bytes of record */
#define TRY_MOVES_ABOVE 24	/* words that differ in more than where they point */
#define TRY_NEAR_ABOVE  64	/* likewise: then from the neighbours, too */

/*
 * Slides take as long to decode as a short patch. In fast mode only pointers that
 * moved count, in dense mode all words that differ.
 */
#define TRY_SLIDES_FAST  32
#define TRY_SLIDES_DENSE 16

/* The modes, and dense once more for the record that wins. */
enum effort { FAST = MEDES_MODE_FAST, DENSE = MEDES_MODE_DENSE, HARDER };

static const struct {
	u16 packed;	/* bytes of patch */
	u16 dict;	/* bytes of record, likewise: */
	u16 self;
	u16 self_page;
} try_above[] = {
	[FAST] = { 128, 700, 900, 1200 },
	[DENSE] = { 32, 128, 512, 512 },
	[HARDER] = { 32, 0, 0, 0 },
};

#define ALIGNED(n) (((n) + 63) & ~(size_t)63)

/**
 * medes_workspace_size() - memory that one encoder needs
 *
 * Context: any.
 * Return: bytes.
 */
size_t medes_workspace_size(void)
{
	return ALIGNED(sizeof(struct medes_workspace)) + medes_packer_room();
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

	if (medes_packer_init(&ws->packer, mem + ALIGNED(sizeof(*ws)),
			      medes_packer_room()))
		return NULL;
	memset(ws->none, 0, sizeof(ws->none));
	memset(&ws->slides, 0, sizeof(ws->slides));
	return ws;
}

/**
 * medes_scratch_size() - memory that one decoder needs
 *
 * Context: any.
 * Return: bytes.
 */
size_t medes_scratch_size(void)
{
	return ALIGNED(sizeof(struct medes_scratch)) + medes_unpacker_room();
}

/**
 * medes_scratch_init() - make memory a decoder's
 * @mem: medes_scratch_size() bytes, 64-byte aligned; the caller frees them
 *
 * Context: any.
 * Return: the scratch space, at @mem, or NULL when zstd wants more.
 */
struct medes_scratch *medes_scratch_init(void *mem)
{
	struct medes_scratch *scratch = mem;

	if (medes_unpacker_init(&scratch->unpacker,
				mem + ALIGNED(sizeof(*scratch)),
				medes_unpacker_room()))
		return NULL;
	memset(scratch->none, 0, sizeof(scratch->none));
	return scratch;
}

static u8 packed_head(enum effort effort)
{
	return effort != FAST ? HEAD_ZSTD : HEAD_LZ4;
}

/* The patch, in at most room bytes; 0 or less when that is too few. */
static int pack_patch(struct medes_workspace *ws, enum effort effort, int len,
		      void *dst, int room)
{
	if (effort != FAST)
		return medes_zstd_pack(&ws->packer, effort == HARDER, NULL, ws->patch,
				       len, dst, room);
	return medes_lz4_pack(&ws->packer, ws->none, sizeof(ws->none), ws->patch,
			      len, dst, room);
}

/* A page, likewise; dict is a page to refer to, or NULL. */
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
 * Make the base page anew, in ws->like, and compare the page with that. Returns the
 * length of the list that says how, at the begin of ws->patch; 0: with the base page
 * as it is.
 */
static int make_like(struct medes_workspace *ws, enum effort effort, const void *page,
		     const struct medes_bases *base, unsigned int *reach)
{
	const void *itself = base->page[MEDES_ITSELF];
	unsigned int odd, differ;
	int len = 0, slides = 0;

	medes_words_compare(&ws->words, page, itself);
	odd = count_odd(&ws->words, page, itself);
	differ = ws->words.count - (effort == FAST ? odd : 0);
	if (odd > TRY_MOVES_ABOVE)
		len = medes_moves_find(&ws->moves, page, base, odd > TRY_NEAR_ABOVE, ws->like,
				       ws->patch, reach);
	if (differ > (effort == FAST ? TRY_SLIDES_FAST : TRY_SLIDES_DENSE)) {
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
static int encode_words(struct medes_workspace *ws, enum effort effort,
			const void *page, const struct medes_bases *base,
			int room, u8 *record, unsigned int *reach)
{
	const void *like = base ? base->page[MEDES_ITSELF] : NULL;
	int len = 0, packed = 0;
	unsigned int codes;
	u8 head;

	*reach = base ? 1 << MEDES_ITSELF : 0;
	if (base)
		len = make_like(ws, effort, page, base, reach);
	else
		medes_words_compare(&ws->words, page, NULL);
	head = len ? HEAD_MADE : 0;
	len += medes_words_diff(&ws->words, page, len ? ws->like : like, ws->patch + len,
				&codes);
	head |= codes;
	if (len > try_above[effort].packed)
		packed = pack_patch(ws, effort, len, record + 1,
				    min(len, room) - 1);
	if (packed > 0) {
		record[0] = head | packed_head(effort);
		return packed + 1;
	}
	if (len >= room)
		return -E2BIG;
	record[0] = head;
	memcpy(record + 1, ws->patch, len);
	return len + 1;
}

/* The page itself; dict is a page to refer to, or NULL. */
static int encode_page(struct medes_workspace *ws, enum effort effort,
		       const void *page, const void *dict, int room, u8 *record)
{
	u8 head = HEAD_PAGE | packed_head(effort);
	int len = 0, packed;

	if (dict) {
		memcpy(ws->like, dict, MEDES_PAGE_SIZE);
		dict = ws->like;
		len = medes_slides_find(&ws->slides, page, ws->like, false, record + 1);
		head |= len ? HEAD_MADE : 0;
	}
	packed = pack_page(ws, effort, page, dict, record + 1 + len, room - 1 - len);
	if (packed <= 0)
		return -E2BIG;
	record[0] = head;
	return 1 + len + packed;
}

/* The shortest record so far, and where the next may be tried. */
struct best {
	int len;		/* -E2BIG: none */
	u8 encoding;
	u8 reach;
	u8 *record;
	u8 *next;
};

/* How long the next may be. Of equals, the one that needs no base page. */
static int room(const struct best *best, u8 encoding)
{
	if (best->len <= 0)
		return MEDES_PATCH_MAX;
	if (encoding == MEDES_ENCODING_SELF && best->encoding != encoding)
		return best->len;
	return best->len - 1;
}

static bool is_below(const struct best *best, int len)
{
	return best->len > 0 && best->len <= len;
}

static void tried(struct best *best, u8 encoding, int len, unsigned int reach)
{
	if (len <= 0)
		return;
	best->len = len;
	best->encoding = encoding;
	best->reach = reach;
	swap(best->record, best->next);
}

static void try_words(struct medes_workspace *ws, enum effort effort,
		      const void *page, const struct medes_bases *base,
		      u8 encoding, struct best *best)
{
	unsigned int reach;
	int len = encode_words(ws, effort, page, base, room(best, encoding),
			       best->next, &reach);

	tried(best, encoding, len, reach);
}

static void try_page(struct medes_workspace *ws, enum effort effort,
		     const void *page, const void *dict, u8 encoding,
		     struct best *best)
{
	tried(best, encoding,
	      encode_page(ws, effort, page, dict, room(best, encoding), best->next),
	      dict ? 1 << MEDES_ITSELF : 0);
}

/* The same once more, taking long. */
static void try_harder(struct medes_workspace *ws, const void *page,
		       const struct medes_bases *base, struct best *best)
{
	u8 encoding = best->encoding;

	if (encoding == MEDES_ENCODING_SELF)
		base = NULL;
	if (best->record[0] & HEAD_PAGE)
		try_page(ws, HARDER, page, base ? base->page[MEDES_ITSELF] : NULL,
			 encoding, best);
	else
		try_words(ws, HARDER, page, base, encoding, best);
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
		try_page(ws, effort, page, dict, MEDES_ENCODING_DICT, &best);
	if (!is_below(&best, try_above[effort].self))
		try_words(ws, effort, page, NULL, MEDES_ENCODING_SELF, &best);
	if (!is_below(&best, try_above[effort].self_page))
		try_page(ws, effort, page, NULL, MEDES_ENCODING_SELF, &best);
	if (effort == DENSE && best.len > HARDER_ABOVE)
		try_harder(ws, page, base, &best);
out:
	coded->encoding = best.encoding;
	coded->reach = best.reach;
	coded->data = best.record;
	coded->len = best.len;
	return best.len;
}

/**
 * medes_record_is_dense() - was a record compressed by zstd?
 * @encoding: of the record
 * @data: the record
 * @len: its length
 *
 * Context: any.
 * Return: true when it was.
 */
bool medes_record_is_dense(u8 encoding, const void *data, size_t len)
{
	const u8 *record = data;

	return encoding > MEDES_ENCODING_SAME && len && record[0] & HEAD_ZSTD;
}

/* The patch that a head tells of; bytes, or -EBADMSG. */
static int unpack_patch(struct medes_scratch *scratch, u8 head,
			const void *data, size_t len)
{
	int got = len;

	if (head & HEAD_ZSTD)
		got = medes_zstd_unpack(&scratch->unpacker, NULL, data, len,
					scratch->patch, MEDES_LIST_MAX);
	else if (head & HEAD_LZ4)
		got = medes_lz4_unpack(scratch->none, sizeof(scratch->none), data,
				       len, scratch->patch, MEDES_LIST_MAX);
	else
		memcpy(scratch->patch, data, len);
	return got < 0 ? -EBADMSG : got;
}

/* Make the base page anew, as a list says; its length, or -EBADMSG. */
static int remake(struct medes_scratch *scratch, const u8 *list, size_t len,
		  const struct medes_bases *base, void *page)
{
	int used, slides;

	used = medes_moves_apply(list, len, base, page);
	if (used < 0 || !(list[0] & MEDES_MOVES_SLIDES))
		return used;
	slides = medes_slides_apply(&scratch->slides, list + used, len - used, page);
	return slides < 0 ? slides : used + slides;
}

static int decode_words(struct medes_scratch *scratch, u8 head, const u8 *data,
			size_t len, const struct medes_bases *base, void *page)
{
	const u8 *patch = scratch->patch;
	int got = unpack_patch(scratch, head, data, len);

	if (got < 0)
		return got;
	len = got;
	if (head & HEAD_MADE) {
		if (!base)
			return -EBADMSG;
		got = remake(scratch, patch, len, base, page);
		if (got < 0)
			return got;
		patch += got;
		len -= got;
	} else if (base) {
		memcpy(page, base->page[MEDES_ITSELF], MEDES_PAGE_SIZE);
	} else {
		memset(page, 0, MEDES_PAGE_SIZE);
	}
	return medes_words_apply(scratch->table, patch, len, head & HEAD_CODES,
				 page);
}

static int decode_page(struct medes_scratch *scratch, u8 head, const u8 *data,
		       size_t len, const void *dict, void *page)
{
	int plain;

	if (head & HEAD_MADE) {
		int used;

		memcpy(scratch->like, dict, MEDES_PAGE_SIZE);
		dict = scratch->like;
		used = medes_slides_apply(&scratch->slides, data, len, scratch->like);
		if (used < 0)
			return used;
		data += used;
		len -= used;
	}
	if (head & HEAD_ZSTD)
		plain = medes_zstd_unpack(&scratch->unpacker, dict, data, len, page,
					  MEDES_PAGE_SIZE);
	else
		plain = medes_lz4_unpack(dict ?: scratch->none,
					 dict ? MEDES_PAGE_SIZE : MEDES_NO_DICT,
					 data, len, page, MEDES_PAGE_SIZE);
	return plain == MEDES_PAGE_SIZE ? 0 : -EBADMSG;
}

/**
 * medes_decode() - rebuild a page from its record
 * @scratch: scratch space
 * @encoding: an enum medes_encoding
 * @data: the record
 * @len: its length in bytes
 * @base: the pages that it reaches into at least; NULL is as good when @encoding
 *	needs none
 * @page: receives 4096 bytes, 8-byte aligned; none of @base
 *
 * Nothing is assumed of the record: reads stay inside it and @base, writes
 * inside @scratch and @page. On error the content of @page is not specified.
 *
 * Context: any, with @scratch to itself; some microseconds.
 * Return: 0, or -EBADMSG when the record is malformed or lacks its base.
 */
int medes_decode(struct medes_scratch *scratch, u8 encoding, const void *data,
		 size_t len, const struct medes_bases *base, void *page)
{
	const void *itself = base ? base->page[MEDES_ITSELF] : NULL;
	const u8 *record = data;
	u8 head;

	switch (encoding) {
	case MEDES_ENCODING_ZERO:
		if (len)
			return -EBADMSG;
		memset(page, 0, MEDES_PAGE_SIZE);
		return 0;
	case MEDES_ENCODING_SAME:
		if (len || !itself)
			return -EBADMSG;
		memcpy(page, itself, MEDES_PAGE_SIZE);
		return 0;
	case MEDES_ENCODING_WORDS:
	case MEDES_ENCODING_DICT:
		if (!itself)
			return -EBADMSG;
		break;
	case MEDES_ENCODING_SELF:
		base = NULL;
		itself = NULL;
		break;
	default:
		return -EBADMSG;
	}

	if (!len || len > MEDES_PATCH_MAX)
		return -EBADMSG;
	head = record[0];
	switch (head & ~HEAD_CODES) {
	case 0:
	case HEAD_LZ4:
	case HEAD_ZSTD:
	case HEAD_MADE:
	case HEAD_MADE | HEAD_LZ4:
	case HEAD_MADE | HEAD_ZSTD:
		if (encoding == MEDES_ENCODING_DICT)
			return -EBADMSG;
		return decode_words(scratch, head, record + 1, len - 1, base,
				    page);
	case HEAD_PAGE | HEAD_MADE | HEAD_LZ4:
	case HEAD_PAGE | HEAD_MADE | HEAD_ZSTD:
		if (encoding != MEDES_ENCODING_DICT)
			return -EBADMSG;
		fallthrough;
	case HEAD_PAGE | HEAD_LZ4:
	case HEAD_PAGE | HEAD_ZSTD:
		if (encoding == MEDES_ENCODING_WORDS || head & HEAD_CODES)
			return -EBADMSG;
		return decode_page(scratch, head, record + 1, len - 1, itself,
				   page);
	}
	return -EBADMSG;
}
