// SPDX-License-Identifier: GPL-2.0
/*
 * Word patches, as they are read.
 *
 * All that a patch may do to a word is one operation,
 *
 *	(word & keep) + (last address & near) + add + (bytes & mask),
 *
 * with the constants in a table of up to 15 codes that leads the patch. There is
 * no case for any of them and hence no branch to mispredict.
 *
 * Nothing is trusted: lengths are checked before they are read, and places in
 * the page come from bit numbers, which cannot leave it. words.c writes patches.
 */
#include "patch.h"

const struct medes_words_kind medes_words_kinds[MEDES_WORDS_KINDS] = {
	[MEDES_PLAIN0] = { MEDES_FROM_ZERO, 0 },
	[MEDES_PLAIN1] = { MEDES_FROM_ZERO, 1 },
	[MEDES_PLAIN2] = { MEDES_FROM_ZERO, 2 },
	[MEDES_PLAIN3] = { MEDES_FROM_ZERO, 3 },
	[MEDES_PLAIN4] = { MEDES_FROM_ZERO, 4 },
	[MEDES_PLAIN6] = { MEDES_FROM_ZERO, 6 },
	[MEDES_PLAIN8] = { MEDES_FROM_ZERO, 8 },
	[MEDES_STEP0]  = { MEDES_FROM_BASE, 0 },
	[MEDES_STEP1]  = { MEDES_FROM_BASE, 1 },
	[MEDES_STEP2]  = { MEDES_FROM_BASE, 2 },
	[MEDES_STEP3]  = { MEDES_FROM_BASE, 3 },
	[MEDES_STEP4]  = { MEDES_FROM_BASE, 4 },
	[MEDES_NEAR1]  = { MEDES_FROM_LAST, 1 },
	[MEDES_NEAR2]  = { MEDES_FROM_LAST, 2 },
	[MEDES_NEAR3]  = { MEDES_FROM_LAST, 3 },
	[MEDES_NEAR4]  = { MEDES_FROM_LAST, 4 },
};

static u64 size_mask(unsigned int size)
{
	return size ? ~0ULL >> (64 - 8 * size) : 0;
}

/**
 * medes_addend_form() - how an addend is written
 * @add: the addend
 *
 * Context: any.
 * Return: four bits; medes_addend_size() tells how many octets follow them.
 */
unsigned int medes_addend_form(u64 add)
{
	unsigned int size = add ? medes_signed_size(add) : 0;
	unsigned int pages;

	if (!size || add & (MEDES_PAGE_SIZE - 1))
		return size;
	pages = medes_signed_size((s64)add >> MEDES_PAGES_SHIFT);
	if (pages >= size || MEDES_ADDEND_PAGES + pages >= MEDES_ADDEND_INVALID)
		return size;
	return MEDES_ADDEND_PAGES + pages;
}

/**
 * medes_put_addend() - write an addend
 * @out: where to; up to 9 octets
 * @above: the first octet's other four bits
 * @add: the addend
 *
 * Context: any.
 * Return: behind it.
 */
u8 *medes_put_addend(u8 *out, unsigned int above, u64 add)
{
	unsigned int form = medes_addend_form(add);
	unsigned int size = medes_addend_size(form);
	unsigned int i;

	if (form > MEDES_ADDEND_PAGES)
		add = (s64)add >> MEDES_PAGES_SHIFT;
	*out++ = above << MEDES_ADDEND_SHIFT | form;
	for (i = 0; i < size; i++)
		*out++ = add >> 8 * i;
	return out;
}

/**
 * medes_get_addend() - read an addend
 * @in: where from; nothing is assumed of it
 * @end: where it may not be read any more
 * @above: receives the first octet's other four bits
 * @add: receives the addend
 *
 * Context: any.
 * Return: behind it, or NULL when it is malformed.
 */
const u8 *medes_get_addend(const u8 *in, const u8 *end, unsigned int *above, u64 *add)
{
	unsigned int form, size, i;
	u64 value = 0;

	if (in == end)
		return NULL;
	*above = *in >> MEDES_ADDEND_SHIFT;
	form = *in++ & MEDES_ADDEND_FORM;
	size = medes_addend_size(form);
	if (form == MEDES_ADDEND_INVALID || size > end - in)
		return NULL;
	for (i = 0; i < size; i++)
		value |= (u64)*in++ << 8 * i;
	if (size)
		value = (s64)(value << (64 - 8 * size)) >> (64 - 8 * size);
	*add = form > MEDES_ADDEND_PAGES ? value << MEDES_PAGES_SHIFT : value;
	return in;
}

/* Reads one code; NULL when it is malformed. */
static const u8 *get_code(struct medes_words_code *code, const u8 *in,
			  const u8 *end)
{
	const struct medes_words_kind *is;
	unsigned int kind;
	u64 add;

	in = medes_get_addend(in, end, &kind, &add);
	if (!in)
		return NULL;
	is = &medes_words_kinds[kind];
	code->keep = is->from == MEDES_FROM_BASE ? ~0ULL : 0;
	code->near = is->from == MEDES_FROM_LAST ? ~0ULL : 0;
	code->size = is->size;
	code->mask = size_mask(is->size);
	code->add = add - medes_words_bias(kind);
	return in;
}

/**
 * medes_words_apply() - patch a page
 * @table: scratch space
 * @patch: the patch, with MEDES_WORDS_SLACK readable bytes behind it
 * @len: its length in bytes
 * @codes: its number of codes
 * @page: 4096 bytes, 8-byte aligned, that hold the base; receives the page
 *
 * Nothing is assumed of the patch. On error the page is half patched.
 *
 * Context: any.
 * Return: 0, or -EBADMSG when the patch is malformed.
 */
int medes_words_apply(struct medes_words_code table[MEDES_WORDS_CODES + 1],
		      const u8 *patch, size_t len, unsigned int codes,
		      void *page)
{
	const u8 *end = patch + len;
	const u8 *masks, *nibbles, *in;
	unsigned int count = 0, nibble = 0, bad = 0;
	u64 *words = page;
	u64 groups, left, last = 0;
	unsigned int i;

	if (codes > MEDES_WORDS_CODES)
		return -EBADMSG;
	memset(table, 0, sizeof(*table) * (MEDES_WORDS_CODES + 1));
	for (i = 1; i <= codes; i++) {
		patch = get_code(&table[i], patch, end);
		if (!patch)
			return -EBADMSG;
	}

	if (end - patch < 8)
		return -EBADMSG;
	groups = get_unaligned_le64(patch);
	masks = patch + 8;
	nibbles = masks;
	for (left = groups; left; left &= left - 1) {
		if (nibbles == end || !*nibbles)
			return -EBADMSG;
		count += hweight8(*nibbles++);
	}
	in = nibbles + (count + 1) / 2;
	if (in > end)
		return -EBADMSG;

	for (left = groups; left; left &= left - 1) {
		u64 *group = words + 8 * __builtin_ctzll(left);
		unsigned int mask = *masks++;

		for (; mask; mask &= mask - 1) {
			u64 *word = group + __builtin_ctz(mask);
			const struct medes_words_code *code;
			unsigned int c;

			c = nibbles[nibble / 2] >> nibble % 2 * 4 & 15;
			nibble++;
			bad |= c - 1 >= codes;
			code = &table[c];
			*word = (*word & code->keep) + (last & code->near) +
				code->add +
				(get_unaligned_le64(in) & code->mask);
			in += code->size;
			last = medes_is_address(*word) ? *word : last;
		}
		if (in > end)
			return -EBADMSG;
	}
	return bad || in != end ? -EBADMSG : 0;
}
