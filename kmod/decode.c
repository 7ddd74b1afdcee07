// SPDX-License-Identifier: GPL-2.0
/*
 * Pages from their records, which codec.c writes.
 *
 * Neither the octet that says how a record is to be read nor anything behind it is trusted: the
 * libraries' safe decoders, medes_words_apply() and medes_guess_read() check every length, and
 * all they write is the page and the scratch space. A record that is damaged but well-formed
 * gives another page; who must not take that for the right one keeps a checksum.
 */
#include "codec.h"

/**
 * medes_scratch_size() - memory that one decoder needs
 *
 * Context: any.
 * Return: bytes.
 */
size_t medes_scratch_size(void)
{
	return MEDES_ALIGNED(sizeof(struct medes_scratch)) + medes_unpacker_room();
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
				mem + MEDES_ALIGNED(sizeof(*scratch)),
				medes_unpacker_room()))
		return NULL;
	memset(scratch->none, 0, sizeof(scratch->none));
	medes_guess_init(&scratch->guess);
	return scratch;
}

/* The patch that a head tells of; bytes, or -EBADMSG. */
static int unpack_patch(struct medes_scratch *scratch, u8 head,
			const void *data, size_t len)
{
	int got = len;

	if (head & MEDES_HEAD_LZ4)
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

/* What a patch is one on; bytes of it that say what, or -EBADMSG. */
static int begin_page(struct medes_scratch *scratch, u8 head, const u8 *list, size_t len,
		      const struct medes_bases *base, void *page)
{
	if (head & MEDES_HEAD_MADE)
		return base ? remake(scratch, list, len, base, page) : -EBADMSG;
	if (base)
		memcpy(page, base->page[MEDES_ITSELF], MEDES_PAGE_SIZE);
	else
		memset(page, 0, MEDES_PAGE_SIZE);
	return 0;
}

static int decode_words(struct medes_scratch *scratch, u8 head, const u8 *data,
			size_t len, const struct medes_bases *base, void *page)
{
	int got = unpack_patch(scratch, head, data, len), used;

	if (got < 0)
		return got;
	used = begin_page(scratch, head, scratch->patch, got, base, page);
	if (used < 0)
		return used;
	return medes_words_apply(scratch->table, scratch->patch + used, got - used,
				 head & MEDES_HEAD_CODES, page);
}

static int decode_guesses(struct medes_scratch *scratch, u8 head, const u8 *data, size_t len,
			  const struct medes_bases *base, void *page)
{
	int used;

	if ((head & MEDES_HEAD_CODES) >= MEDES_PRIORS)
		return -EBADMSG;
	used = begin_page(scratch, head, data, len, base, page);
	if (used < 0)
		return used;
	/* of moves alone: slides are guessed */
	if (used && data[0] & MEDES_MOVES_SLIDES)
		return -EBADMSG;
	/* who reads it looks a bit further */
	memcpy(scratch->patch, data + used, len - used);
	return medes_guess_read(&scratch->guess, head & MEDES_HEAD_CODES, scratch->patch,
				len - used, page);
}

static int decode_page(struct medes_scratch *scratch, u8 head, const u8 *data,
		       size_t len, const void *dict, void *page)
{
	int plain;

	if (head & MEDES_HEAD_MADE) {
		int used;

		memcpy(scratch->like, dict, MEDES_PAGE_SIZE);
		dict = scratch->like;
		used = medes_slides_apply(&scratch->slides, data, len, scratch->like);
		if (used < 0)
			return used;
		data += used;
		len -= used;
	}
	if (head & MEDES_HEAD_DENSE)
		plain = medes_zstd_unpack(&scratch->unpacker, dict, data, len, page,
					  MEDES_PAGE_SIZE);
	else
		plain = medes_lz4_unpack(dict ?: scratch->none,
					 dict ? MEDES_PAGE_SIZE : MEDES_NO_DICT,
					 data, len, page, MEDES_PAGE_SIZE);
	if (plain != MEDES_PAGE_SIZE)
		return -EBADMSG;
	if (head & MEDES_HEAD_CODES)
		medes_pixels_add(page, head & MEDES_HEAD_CODES);
	return 0;
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
	switch (head & ~MEDES_HEAD_CODES) {
	case MEDES_HEAD_DENSE:
	case MEDES_HEAD_MADE | MEDES_HEAD_DENSE:
		if (encoding == MEDES_ENCODING_DICT)
			return -EBADMSG;
		return decode_guesses(scratch, head, record + 1, len - 1, base, page);
	case 0:
	case MEDES_HEAD_LZ4:
	case MEDES_HEAD_MADE:
	case MEDES_HEAD_MADE | MEDES_HEAD_LZ4:
		if (encoding == MEDES_ENCODING_DICT)
			return -EBADMSG;
		return decode_words(scratch, head, record + 1, len - 1, base,
				    page);
	case MEDES_HEAD_PAGE | MEDES_HEAD_MADE | MEDES_HEAD_LZ4:
	case MEDES_HEAD_PAGE | MEDES_HEAD_MADE | MEDES_HEAD_DENSE:
		if (encoding != MEDES_ENCODING_DICT)
			return -EBADMSG;
		fallthrough;
	case MEDES_HEAD_PAGE | MEDES_HEAD_LZ4:
	case MEDES_HEAD_PAGE | MEDES_HEAD_DENSE:
		if (encoding == MEDES_ENCODING_WORDS)
			return -EBADMSG;
		/* of differences it is dense, and by itself */
		if (head & MEDES_HEAD_CODES &&
		    (encoding != MEDES_ENCODING_SELF || !(head & MEDES_HEAD_DENSE) ||
		     (head & MEDES_HEAD_CODES) > MEDES_PIXELS_MAX))
			return -EBADMSG;
		return decode_page(scratch, head, record + 1, len - 1, itself,
				   page);
	}
	return -EBADMSG;
}
