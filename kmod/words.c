// SPDX-License-Identifier: GPL-2.0
/*
 * Word patches.
 *
 * The same page of two processes differs mostly in pointers, and all pointers
 * into one mapping differ by the same amount: the slide between two layouts. So
 * the difference of two pages, taken word by word, has few distinct values, and
 * 4 bits a word say which. What is left is often a small step, a small number
 * or a pointer near another one, and is carried in fewer than 8 bytes.
 *
 * All of these are one operation, (word & keep) + add + (bytes & mask), with
 * the constants in a table of up to 15 codes that leads the patch. A decoder
 * needs no case for any of them and hence no branch to mispredict.
 *
 * The encoder tallies what each delta and each value would save as a code of
 * its own, takes the best, and leaves the rest to typed literals. It need not
 * find the optimum: LZ4 follows (codec.c).
 *
 * The decoder trusts nothing. It checks lengths before it reads, and places in
 * the page come from bit numbers, which cannot leave it. The encoder runs on
 * copies that nobody else writes. Neither allocates, sleeps or locks.
 */
#include "words.h"

#define GROUPS (MEDES_PAGE_WORDS / 8)

/* A code in the patch: an octet, then the addend's octets, low ones first. */
#define CODE_KEEP      0x80
#define CODE_SIZE_SHIFT   4	/* into sizes[] */
#define CODE_SIZE_MASK    7
#define CODE_ADD_MASK  0x0f	/* octets of the addend, or one of: */
#define CODE_ADD_PAGES    8	/* + octets of the addend in 4 KiB units */
#define CODE_ADD_BIAS  0x0f	/* none: -(256 ^ size / 2) */
#define PAGES_SHIFT      12

static const u8 sizes[] = { 0, 1, 2, 3, 4, 5, 6, 8 };

/* Literals, in the order in which they are tried. */
enum {
	STEP1,		/* base word and a signed step */
	STEP2,
	STEP4,
	PLAIN2,		/* the word itself, its upper bytes 0 */
	PLAIN4,
	NEAR4,		/* within 2 GiB of the pivot */
	PLAIN8,
	KINDS,
};

static const struct {
	bool keep;
	u8 index;	/* into sizes[] */
} kinds[KINDS] = {
	[STEP1]  = { true,  1 },
	[STEP2]  = { true,  2 },
	[STEP4]  = { true,  4 },
	[PLAIN2] = { false, 2 },
	[PLAIN4] = { false, 4 },
	[NEAR4]  = { false, 4 },
	[PLAIN8] = { false, 7 },
};

#define UNRANKED 0xff

static u64 size_mask(unsigned int size)
{
	return size ? ~0ULL >> (64 - 8 * size) : 0;
}

static u64 bias(unsigned int size)
{
	return 1ULL << (8 * size - 1);
}

/* Is value, as a signed number, at most size bytes long? */
static bool fits(u64 value, unsigned int size)
{
	return size >= 8 || value + bias(size) <= size_mask(size);
}

/* Octets of value as a signed number, 0 for 0. */
static unsigned int signed_size(u64 value)
{
	u64 bits = value ^ (u64)((s64)value >> 63);

	if (!value)
		return 0;
	return bits ? (63 - __builtin_clzll(bits) + 1) / 8 + 1 : 1;
}

/* How an addend is written: the low bits of its code's octet. */
static unsigned int addend_form(u64 add)
{
	unsigned int size = signed_size(add);
	unsigned int pages;

	if (add & (MEDES_PAGE_SIZE - 1))
		return size;
	pages = signed_size((s64)add >> PAGES_SHIFT);
	return pages < min(size, 7u) ? CODE_ADD_PAGES + pages : size;
}

static unsigned int addend_size(unsigned int form)
{
	if (form == CODE_ADD_BIAS)
		return 0;
	return form > CODE_ADD_PAGES ? form - CODE_ADD_PAGES : form;
}

static u8 *put_code(u8 *out, bool keep, unsigned int index, u64 add)
{
	unsigned int form = addend_form(add);
	unsigned int size = addend_size(form);
	unsigned int i;

	if (form > CODE_ADD_PAGES)
		add = (s64)add >> PAGES_SHIFT;
	*out++ = (keep ? CODE_KEEP : 0) | index << CODE_SIZE_SHIFT | form;
	for (i = 0; i < size; i++)
		*out++ = add >> 8 * i;
	return out;
}

static u16 tally(struct medes_words_tally *t, u64 value, unsigned int worth)
{
	unsigned int at = value * 0x9e3779b185ebca87ULL >> 54;

	for (; t->slot[at]; at = (at + 1) % ARRAY_SIZE(t->slot)) {
		if (t->value[t->slot[at] - 1].value == value)
			break;
	}
	if (!t->slot[at]) {
		t->value[t->count] = (struct medes_words_value) {
			.value = value,
			.rank = UNRANKED,
		};
		t->slot[at] = ++t->count;
	}
	t->value[t->slot[at] - 1].worth += worth;
	return t->slot[at] - 1;
}

static bool near_pivot(struct medes_words_work *work, u64 word)
{
	if (word >> 47 || !(word >> 32))
		return false;
	if (!work->pivot)
		work->pivot = word;
	return fits(word - work->pivot, 4);
}

static unsigned int literal(struct medes_words_work *work, u64 word, u64 delta)
{
	if (fits(delta, 1))
		return STEP1;
	if (fits(delta, 2))
		return STEP2;
	if (!(word >> 16))
		return PLAIN2;
	if (fits(delta, 4))
		return STEP4;
	if (!(word >> 32))
		return PLAIN4;
	if (near_pivot(work, word))
		return NEAR4;
	return PLAIN8;
}

static void collect(struct medes_words_work *work, const u64 *page,
		    const u64 *base)
{
	unsigned int i;

	memset(work->deltas.slot, 0, sizeof(work->deltas.slot));
	memset(work->values.slot, 0, sizeof(work->values.slot));
	work->deltas.count = 0;
	work->values.count = 0;
	work->count = 0;
	work->pivot = 0;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 delta = page[i] - (base ? base[i] : 0);
		unsigned int at = work->count;
		unsigned int kind, worth;

		if (!delta)
			continue;
		kind = literal(work, page[i], delta);
		worth = sizes[kinds[kind].index];
		work->where[at] = i;
		work->kind[at] = kind;
		work->delta[at] = tally(&work->deltas, delta, worth);
		work->value[at] = tally(&work->values, page[i], worth);
		work->count++;
	}
}

/* The best of one tally into the list, best first. */
static unsigned int shortlist(struct medes_words_choice *best,
			      unsigned int count,
			      struct medes_words_tally *from, bool keep)
{
	unsigned int i, at;

	for (i = 0; i < from->count; i++) {
		struct medes_words_value *entry = &from->value[i];
		unsigned int price, gain;

		price = 1 + addend_size(addend_form(entry->value));
		if (entry->worth <= price)
			continue;
		gain = entry->worth - price;
		if (count < MEDES_WORDS_CODES)
			count++;
		else if (best[count - 1].gain >= gain)
			continue;
		for (at = count - 1; at > 0 && best[at - 1].gain < gain; at--)
			best[at] = best[at - 1];
		best[at] = (struct medes_words_choice) {
			entry, price, gain, keep
		};
	}
	return count;
}

/* A word that several choices serve goes to the first of them. */
static unsigned int rank(const struct medes_words_work *work, unsigned int at)
{
	return min(work->deltas.value[work->delta[at]].rank,
		   work->values.value[work->value[at]].rank);
}

/*
 * Choices overlap, so the list is cut to those that still pay when each word
 * is counted once, and to the room that the literals in use leave. Each round
 * but the last drops one choice or more.
 *
 * Returns the number of choices; used gets a bit for each literal kind.
 */
static unsigned int settle(struct medes_words_work *work, unsigned int count,
			   unsigned int *used)
{
	struct medes_words_choice *best = work->best;
	unsigned int i, kept, room;

	for (i = 0; i < count; i++)
		best[i].entry->rank = i;
	for (;;) {
		u16 saved[MEDES_WORDS_CODES] = { 0 };

		*used = 0;
		for (i = 0; i < work->count; i++) {
			unsigned int r = rank(work, i);

			if (r == UNRANKED)
				*used |= 1 << work->kind[i];
			else
				saved[r] += sizes[kinds[work->kind[i]].index];
		}
		room = MEDES_WORDS_CODES;
		for (i = 0; i < KINDS; i++)
			room -= *used >> i & 1;

		for (i = 0, kept = 0; i < count; i++) {
			if (saved[i] <= best[i].price || kept == room) {
				best[i].entry->rank = UNRANKED;
				continue;
			}
			best[i].entry->rank = kept;
			best[kept++] = best[i];
		}
		if (kept == count)
			return count;
		count = kept;
	}
}

/* Gives every word its code and writes the table. */
static u8 *put_table(struct medes_words_work *work, unsigned int count,
		     unsigned int used, u8 *out, unsigned int *codes)
{
	u8 code[KINDS];
	unsigned int i;

	*codes = 0;
	for (i = 0; i < count; i++, ++*codes)
		out = put_code(out, work->best[i].keep, 0,
			       work->best[i].entry->value);
	for (i = 0; i < KINDS; i++) {
		if (!(used >> i & 1))
			continue;
		code[i] = ++*codes;
		if (i == NEAR4)
			out = put_code(out, false, kinds[i].index,
				       work->pivot - bias(4));
		else
			*out++ = kinds[i].index << CODE_SIZE_SHIFT |
				 (kinds[i].keep ? CODE_KEEP | CODE_ADD_BIAS : 0);
	}
	for (i = 0; i < work->count; i++) {
		unsigned int r = rank(work, i);

		work->code[i] = r == UNRANKED ? code[work->kind[i]] : r + 1;
	}
	return out;
}

/* Which words differ, and the code of each. */
static u8 *put_map(const struct medes_words_work *work, u8 *out)
{
	u8 mask[GROUPS] = { 0 };
	u8 *groups_at = out;
	u64 groups = 0;
	unsigned int i;

	for (i = 0; i < work->count; i++)
		mask[work->where[i] / 8] |= 1 << work->where[i] % 8;
	out += sizeof(groups);
	for (i = 0; i < GROUPS; i++) {
		if (!mask[i])
			continue;
		groups |= 1ULL << i;
		*out++ = mask[i];
	}
	put_unaligned_le64(groups, groups_at);
	for (i = 0; i + 1 < work->count; i += 2)
		*out++ = work->code[i] | work->code[i + 1] << 4;
	if (i < work->count)
		*out++ = work->code[i];
	return out;
}

static u8 *put_literals(const struct medes_words_work *work, const u64 *page,
			u8 *out)
{
	unsigned int i;

	for (i = 0; i < work->count; i++) {
		unsigned int kind = work->kind[i];
		unsigned int size = sizes[kinds[kind].index];
		u64 literal = page[work->where[i]];

		if (rank(work, i) != UNRANKED)
			continue;
		if (kinds[kind].keep)
			literal = work->deltas.value[work->delta[i]].value +
				  bias(size);
		else if (kind == NEAR4)
			literal -= work->pivot - bias(4);
		put_unaligned_le64(literal, out);
		out += size;
	}
	return out;
}

/**
 * medes_words_diff() - write a page as its difference from another
 * @work: scratch space
 * @page: 4096 bytes, 8-byte aligned
 * @base: 4096 bytes, 8-byte aligned, or NULL for a page of zeros
 * @patch: receives up to MEDES_WORDS_MAX bytes, and up to 8 more are written
 * @codes: receives the number of codes, which the patch itself does not hold
 *
 * Context: any.
 * Return: length of the patch in bytes.
 */
int medes_words_diff(struct medes_words_work *work, const void *page,
		     const void *base, u8 *patch, unsigned int *codes)
{
	unsigned int count = 0;
	unsigned int used;
	u8 *out;

	collect(work, page, base);
	if (base)
		count = shortlist(work->best, count, &work->deltas, true);
	count = shortlist(work->best, count, &work->values, false);
	count = settle(work, count, &used);
	out = put_table(work, count, used, patch, codes);
	out = put_map(work, out);
	out = put_literals(work, page, out);
	return out - patch;
}

/* Reads one code; NULL when it is malformed. */
static const u8 *get_code(struct medes_words_code *code, const u8 *in,
			  const u8 *end)
{
	unsigned int octet, form, size, i;
	u64 add = 0;

	if (in == end)
		return NULL;
	octet = *in++;
	code->keep = octet & CODE_KEEP ? ~0ULL : 0;
	code->size = sizes[octet >> CODE_SIZE_SHIFT & CODE_SIZE_MASK];
	code->mask = size_mask(code->size);

	form = octet & CODE_ADD_MASK;
	if (form == CODE_ADD_BIAS) {
		if (!code->size)
			return NULL;
		code->add = -bias(code->size);
		return in;
	}
	size = addend_size(form);
	if (size > end - in)
		return NULL;
	for (i = 0; i < size; i++)
		add |= (u64)*in++ << 8 * i;
	if (size)
		add = (s64)(add << (64 - 8 * size)) >> (64 - 8 * size);
	code->add = form > CODE_ADD_PAGES ? add << PAGES_SHIFT : add;
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
	u64 groups, left;
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
			*word = (*word & code->keep) + code->add +
				 (get_unaligned_le64(in) & code->mask);
			in += code->size;
		}
		if (in > end)
			return -EBADMSG;
	}
	return bad || in != end ? -EBADMSG : 0;
}
