// SPDX-License-Identifier: GPL-2.0
/*
 * Encodings: ZERO and SAME, which need no bytes; WORDS, a word patch against a
 * base page; SELF, the page alone, as a word patch against zeros or as LZ4.
 *
 * What a record holds begins with an octet that says how the rest is to be
 * read, and decoding trusts neither it nor anything behind it: LZ4's safe
 * decoder and medes_words_apply() check every length, all they write is the
 * page and the scratch space. A record that is damaged but well-formed gives
 * another page; who must not take that for the right one keeps a checksum.
 *
 * The caller brings all memory, and each workspace has one user at a time.
 * Nothing here allocates, sleeps or locks.
 */
#include "codec.h"
#include "fingerprint.h"

/* The first octet. */
#define HEAD_CODES 0x0f	/* of the word patch */
#define HEAD_LZ4   0x80	/* the rest is compressed */
#define HEAD_PAGE  0x40	/* the rest gives the page, not a patch */

/* Below these, trying harder wins less than a size class of the allocator. */
#define TRY_LZ4_ABOVE  32	/* bytes of patch */
#define TRY_SELF_ABOVE 512	/* bytes of record */

/* The patch against base, compressed if that helps, in at most room bytes. */
static int encode_words(struct medes_workspace *ws, const void *page,
			const void *base, int room, u8 *record)
{
	unsigned int codes;
	int len, packed = 0;

	len = medes_words_diff(&ws->words, page, base, ws->patch, &codes);
	if (len > TRY_LZ4_ABOVE)
		packed = medes_lz4_compress(ws->patch, record + 1, len,
					    min(len, room) - 1, ws->lz4);
	if (packed > 0) {
		record[0] = codes | HEAD_LZ4;
		return packed + 1;
	}
	if (len >= room)
		return -E2BIG;
	record[0] = codes;
	memcpy(record + 1, ws->patch, len);
	return len + 1;
}

static int encode_page(struct medes_workspace *ws, const void *page, int room,
		       u8 *record)
{
	int packed = medes_lz4_compress(page, record + 1, MEDES_PAGE_SIZE,
					room - 1, ws->lz4);

	if (packed <= 0)
		return -E2BIG;
	record[0] = HEAD_PAGE | HEAD_LZ4;
	return packed + 1;
}

/**
 * medes_encode() - find the smallest record for a page
 * @ws: scratch space; holds the record until its next use
 * @page: 4096 bytes, 8-byte aligned, that nobody writes meanwhile
 * @base: a page to refer to, likewise, or NULL
 * @encoding: receives an enum medes_encoding
 * @data: receives where in @ws the record is
 *
 * Context: any, with @ws to itself; tens of microseconds.
 * Return: length of the record in bytes, 0 for ZERO and SAME, at most
 * MEDES_PATCH_MAX; -E2BIG when no encoding pays.
 */
int medes_encode(struct medes_workspace *ws, const void *page,
		 const void *base, u8 *encoding, const void **data)
{
	u8 *best = ws->record[0];
	u8 *next = ws->record[1];
	int room = MEDES_PATCH_MAX;
	int found = -E2BIG;
	int len;

	*data = best;
	if (medes_page_is_zero(page)) {
		*encoding = MEDES_ENCODING_ZERO;
		return 0;
	}
	if (base && !memcmp(page, base, MEDES_PAGE_SIZE)) {
		*encoding = MEDES_ENCODING_SAME;
		return 0;
	}
	if (base) {
		found = encode_words(ws, page, base, room, best);
		if (found > 0) {
			*encoding = MEDES_ENCODING_WORDS;
			room = found - 1;
			swap(best, next);
		}
		if (found > 0 && found <= TRY_SELF_ABOVE)
			return found;
	}

	/* From here on best is the record that may be overwritten. */
	len = encode_words(ws, page, NULL, room, best);
	if (len > 0) {
		*encoding = MEDES_ENCODING_SELF;
		*data = best;
		found = len;
		room = found - 1;
		swap(best, next);
	}
	len = encode_page(ws, page, room, best);
	if (len > 0) {
		*encoding = MEDES_ENCODING_SELF;
		*data = best;
		found = len;
	}
	return found;
}

static int decode_words(struct medes_scratch *scratch, u8 head, const u8 *data,
			size_t len, const void *base, void *page)
{
	if (head & ~(HEAD_CODES | HEAD_LZ4))
		return -EBADMSG;
	if (head & HEAD_LZ4) {
		int plain = medes_lz4_decompress(data, scratch->patch, len,
						 MEDES_WORDS_MAX);

		if (plain < 0)
			return -EBADMSG;
		len = plain;
	} else {
		memcpy(scratch->patch, data, len);
	}
	if (!base)
		memset(page, 0, MEDES_PAGE_SIZE);
	else if (page != base)
		memcpy(page, base, MEDES_PAGE_SIZE);
	return medes_words_apply(scratch->table, scratch->patch, len,
				 head & HEAD_CODES, page);
}

/**
 * medes_decode() - rebuild a page from its record
 * @scratch: scratch space
 * @encoding: an enum medes_encoding
 * @data: the record
 * @len: its length in bytes
 * @base: the page it was encoded against, 8-byte aligned; NULL is as good when
 *	@encoding needs none
 * @page: receives 4096 bytes, 8-byte aligned; may be @base itself
 *
 * Nothing is assumed of the record: reads stay inside it and @base, writes
 * inside @scratch and @page. On error the content of @page is not specified.
 *
 * Context: any, with @scratch to itself; about a microsecond.
 * Return: 0, or -EBADMSG when the record is malformed or lacks its base.
 */
int medes_decode(struct medes_scratch *scratch, u8 encoding, const void *data,
		 size_t len, const void *base, void *page)
{
	const u8 *record = data;

	switch (encoding) {
	case MEDES_ENCODING_ZERO:
		if (len)
			return -EBADMSG;
		memset(page, 0, MEDES_PAGE_SIZE);
		return 0;
	case MEDES_ENCODING_SAME:
		if (len || !base)
			return -EBADMSG;
		memmove(page, base, MEDES_PAGE_SIZE);
		return 0;
	case MEDES_ENCODING_WORDS:
		if (!base)
			return -EBADMSG;
		break;
	case MEDES_ENCODING_SELF:
		base = NULL;
		break;
	default:
		return -EBADMSG;
	}

	if (!len || len > MEDES_PATCH_MAX)
		return -EBADMSG;
	if (!base && record[0] == (HEAD_PAGE | HEAD_LZ4)) {
		int plain = medes_lz4_decompress(record + 1, page, len - 1,
						 MEDES_PAGE_SIZE);

		return plain == MEDES_PAGE_SIZE ? 0 : -EBADMSG;
	}
	return decode_words(scratch, record[0], record + 1, len - 1, base,
			    page);
}
