// SPDX-License-Identifier: GPL-2.0
/*
 * Word patches.
 *
 * The same page of two processes differs mostly in pointers, and all pointers
 * into one mapping differ by the same amount: the slide between two layouts. So
 * the difference of two pages, taken word by word, has few distinct values, and
 * 4 bits a word say which. What is left is often a small step, a small number
 * or a pointer near the one before, and is carried in fewer than 8 bytes.
 *
 * All of these are one operation,
 *
 *	(word & keep) + (last address & near) + add + (bytes & mask),
 *
 * with the constants in a table of up to 15 codes that leads the patch. A
 * decoder needs no case for any of them and hence no branch to mispredict.
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

/*
 * A code in the patch: an octet, the kind above and the form of the addend
 * below, then the addend's octets, low ones first.
 */
#define CODE_KIND_SHIFT 4
#define CODE_FORM_MASK  0x0f
#define FORM_PAGES      8	/* + octets, the unit being 4 KiB */
#define FORM_INVALID    15
#define PAGES_SHIFT     12

/* What a code starts from, and how many bytes of the patch it adds to that. */
enum {
	PLAIN0, PLAIN1, PLAIN2, PLAIN3, PLAIN4, PLAIN6, PLAIN8,
	STEP0, STEP1, STEP2, STEP3, STEP4,
	NEAR1, NEAR2, NEAR3, NEAR4,
	KINDS,
};

enum { FROM_ZERO, FROM_BASE, FROM_LAST };

static const struct {
	u8 from;
	u8 size;
	u8 wider;	/* kind that can take over from this one */
} kinds[KINDS] = {
	[PLAIN0] = { FROM_ZERO, 0, PLAIN1 },
	[PLAIN1] = { FROM_ZERO, 1, PLAIN2 },
	[PLAIN2] = { FROM_ZERO, 2, PLAIN3 },
	[PLAIN3] = { FROM_ZERO, 3, PLAIN4 },
	[PLAIN4] = { FROM_ZERO, 4, PLAIN6 },
	[PLAIN6] = { FROM_ZERO, 6, PLAIN8 },
	[PLAIN8] = { FROM_ZERO, 8, PLAIN8 },
	[STEP0]  = { FROM_BASE, 0, STEP1 },
	[STEP1]  = { FROM_BASE, 1, STEP2 },
	[STEP2]  = { FROM_BASE, 2, STEP3 },
	[STEP3]  = { FROM_BASE, 3, STEP4 },
	[STEP4]  = { FROM_BASE, 4, PLAIN8 },
	[NEAR1]  = { FROM_LAST, 1, NEAR2 },
	[NEAR2]  = { FROM_LAST, 2, NEAR3 },
	[NEAR3]  = { FROM_LAST, 3, NEAR4 },
	[NEAR4]  = { FROM_LAST, 4, PLAIN8 },
};

#define UNRANKED 0xff

static u64 size_mask(unsigned int size)
{
	return size ? ~0ULL >> (64 - 8 * size) : 0;
}

/* Steps are signed; adding this makes them fit unsigned bytes. */
static u64 bias(unsigned int kind)
{
	if (kinds[kind].from == FROM_ZERO || !kinds[kind].size)
		return 0;
	return 1ULL << (8 * kinds[kind].size - 1);
}

/* Octets of value as a signed number, 0 for 0. */
static unsigned int signed_size(u64 value)
{
	u64 bits = value ^ (u64)((s64)value >> 63);

	if (!value)
		return 0;
	return bits ? (64 - __builtin_clzll(bits)) / 8 + 1 : 1;
}

/* How an addend is written. */
static unsigned int addend_form(u64 add)
{
	unsigned int size = signed_size(add);
	unsigned int pages;

	if (add & (MEDES_PAGE_SIZE - 1))
		return size;
	pages = signed_size((s64)add >> PAGES_SHIFT);
	if (pages >= size || FORM_PAGES + pages >= FORM_INVALID)
		return size;
	return FORM_PAGES + pages;
}

static unsigned int addend_size(unsigned int form)
{
	return form > FORM_PAGES ? form - FORM_PAGES : form;
}

static u8 *put_code(u8 *out, unsigned int kind, u64 add)
{
	unsigned int form = addend_form(add);
	unsigned int size = addend_size(form);
	unsigned int i;

	if (form > FORM_PAGES)
		add = (s64)add >> PAGES_SHIFT;
	*out++ = kind << CODE_KIND_SHIFT | form;
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

static unsigned int plain_size(u64 word)
{
	return word ? (63 - __builtin_clzll(word)) / 8 + 1 : 1;
}

/* The shortest way to carry a word that gets no code of its own. */
static unsigned int literal(u64 word, u64 delta, u64 last)
{
	static const u8 plain[] = {
		PLAIN0, PLAIN1, PLAIN2, PLAIN3, PLAIN4, PLAIN6, PLAIN6, PLAIN8,
		PLAIN8
	};
	unsigned int step = signed_size(delta);
	unsigned int near = signed_size(word - last) ?: 1;
	unsigned int size = plain_size(word);

	if (step <= min(4u, size) && step <= near)
		return STEP0 + step;
	if (near <= 4 && near < size)
		return NEAR1 + near - 1;
	return plain[size];
}

static void collect(struct medes_words_work *work, const u64 *page,
		    const u64 *base)
{
	u64 last = 0;
	unsigned int i;

	memset(work->deltas.slot, 0, sizeof(work->deltas.slot));
	memset(work->values.slot, 0, sizeof(work->values.slot));
	work->deltas.count = 0;
	work->values.count = 0;
	work->count = 0;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 delta = page[i] - (base ? base[i] : 0);
		unsigned int at = work->count;
		unsigned int kind, worth;

		if (!delta)
			continue;
		kind = literal(page[i], delta, last);
		worth = kinds[kind].size;
		work->where[at] = i;
		work->kind[at] = kind;
		work->delta[at] = tally(&work->deltas, delta, worth);
		work->value[at] = tally(&work->values, page[i], worth);
		work->count++;
		if (medes_is_address(page[i]))
			last = page[i];
	}
}

static int net(const struct medes_words_choice *choice)
{
	return choice->saved - choice->price;
}

/* The best of one tally into the list, best first. */
static unsigned int shortlist(struct medes_words_choice *best,
			      unsigned int count,
			      struct medes_words_tally *from, bool keep)
{
	unsigned int i, at;

	for (i = 0; i < from->count; i++) {
		struct medes_words_choice choice = {
			.entry = &from->value[i],
			.price = 1,
			.saved = from->value[i].worth,
			.keep = keep,
		};

		if (choice.saved <= choice.price)
			continue;
		choice.price += addend_size(addend_form(choice.entry->value));
		if (net(&choice) <= 0)
			continue;
		if (count < MEDES_WORDS_CODES)
			count++;
		else if (net(&best[count - 1]) >= net(&choice))
			continue;
		for (at = count - 1; at > 0 && net(&best[at - 1]) < net(&choice);
		     at--)
			best[at] = best[at - 1];
		best[at] = choice;
	}
	return count;
}

/* A word that several choices serve goes to the first of them. */
static unsigned int rank(const struct medes_words_work *work, unsigned int at)
{
	return min(work->deltas.value[work->delta[at]].rank,
		   work->values.value[work->value[at]].rank);
}

/* What the choices save, and what the literals cost, each word counted once. */
static void recount(struct medes_words_work *work, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		work->best[i].entry->rank = i;
		work->best[i].saved = 0;
	}
	memset(work->uses, 0, sizeof(work->uses));
	for (i = 0; i < work->count; i++) {
		unsigned int kind = work->kind[i];
		unsigned int r = rank(work, i);

		if (r == UNRANKED)
			work->uses[kind]++;
		else
			work->best[r].saved += kinds[kind].size;
	}
}

/* Takes one choice out of the list. */
static unsigned int drop(struct medes_words_work *work, unsigned int count,
			 unsigned int at)
{
	work->best[at].entry->rank = UNRANKED;
	for (count--; at < count; at++)
		work->best[at] = work->best[at + 1];
	return count;
}

/* The kind in use that could take over from this one, or PLAIN8 if none. */
static unsigned int heir(const struct medes_words_work *work, unsigned int kind)
{
	do
		kind = kinds[kind].wider;
	while (!work->uses[kind] && kind != PLAIN8);
	return kind;
}

/*
 * Makes literals share codes until all fit, always those that lose least by
 * it. False when the weakest choice is the smaller loss.
 */
static bool fit(struct medes_words_work *work, unsigned int count, int weakest)
{
	unsigned int i, used = 0;

	for (i = 0; i < KINDS; i++) {
		work->as[i] = i;
		used += !!work->uses[i];
	}
	while (count + used > MEDES_WORDS_CODES) {
		int least = weakest;
		unsigned int from = PLAIN8, to;

		for (i = 0; i < KINDS; i++) {
			int loss = work->uses[i] *
				(kinds[heir(work, i)].size - kinds[i].size);

			if (loss && loss < least) {
				least = loss;
				from = i;
			}
		}
		if (from == PLAIN8)
			return false;
		to = heir(work, from);
		used -= !!work->uses[to];
		work->uses[to] += work->uses[from];
		work->uses[from] = 0;
		for (i = 0; i < KINDS; i++)
			if (work->as[i] == from)
				work->as[i] = to;
	}
	return true;
}

/*
 * Choices overlap with each other, and with the literals compete for room.
 * Each round but the last drops one choice or more.
 */
static unsigned int settle(struct medes_words_work *work, unsigned int count)
{
	struct medes_words_choice *best = work->best;
	unsigned int i, weakest, was;
	int least;

	for (;;) {
		recount(work, count);
		was = count;
		weakest = 0;
		for (i = count; i-- > 0;) {
			if (net(&best[i]) <= 0)
				count = drop(work, count, i);
		}
		if (count != was)
			continue;
		for (i = 1; i < count; i++)
			if (net(&best[i]) < net(&best[weakest]))
				weakest = i;
		/* without any, more than literals can lose */
		least = count ? net(&best[weakest]) : MEDES_PAGE_SIZE;
		if (fit(work, count, least))
			return count;
		count = drop(work, count, weakest);
	}
}

/* Gives every word its code and writes the table. */
static u8 *put_table(struct medes_words_work *work, unsigned int count,
		     u8 *out, unsigned int *codes)
{
	u8 code[KINDS];
	unsigned int i;

	*codes = 0;
	for (i = 0; i < count; i++, ++*codes)
		out = put_code(out, work->best[i].keep ? STEP0 : PLAIN0,
			       work->best[i].entry->value);
	for (i = 0; i < KINDS; i++) {
		if (!work->uses[i])
			continue;
		code[i] = ++*codes;
		out = put_code(out, i, 0);
	}
	for (i = 0; i < work->count; i++) {
		unsigned int r = rank(work, i);

		work->code[i] = r == UNRANKED ? code[work->as[work->kind[i]]] :
						r + 1;
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
	u64 last = 0;
	unsigned int i;

	for (i = 0; i < work->count; i++) {
		unsigned int kind = work->as[work->kind[i]];
		u64 word = page[work->where[i]];
		u64 literal = word + bias(kind);

		if (rank(work, i) == UNRANKED) {
			if (kinds[kind].from == FROM_BASE)
				literal = bias(kind) +
					work->deltas.value[work->delta[i]].value;
			else if (kinds[kind].from == FROM_LAST)
				literal -= last;
			put_unaligned_le64(literal, out);
			out += kinds[kind].size;
		}
		if (medes_is_address(word))
			last = word;
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
	u8 *out;

	collect(work, page, base);
	if (base)
		count = shortlist(work->best, count, &work->deltas, true);
	count = shortlist(work->best, count, &work->values, false);
	count = settle(work, count);
	out = put_table(work, count, patch, codes);
	out = put_map(work, out);
	out = put_literals(work, page, out);
	return out - patch;
}

/* Reads one code; NULL when it is malformed. */
static const u8 *get_code(struct medes_words_code *code, const u8 *in,
			  const u8 *end)
{
	unsigned int kind, form, size, i;
	u64 add = 0;

	if (in == end)
		return NULL;
	kind = *in >> CODE_KIND_SHIFT;
	form = *in++ & CODE_FORM_MASK;
	size = addend_size(form);
	if (form == FORM_INVALID || size > end - in)
		return NULL;
	for (i = 0; i < size; i++)
		add |= (u64)*in++ << 8 * i;
	if (size)
		add = (s64)(add << (64 - 8 * size)) >> (64 - 8 * size);
	if (form > FORM_PAGES)
		add <<= PAGES_SHIFT;

	code->keep = kinds[kind].from == FROM_BASE ? ~0ULL : 0;
	code->near = kinds[kind].from == FROM_LAST ? ~0ULL : 0;
	code->size = kinds[kind].size;
	code->mask = size_mask(code->size);
	code->add = add - bias(kind);
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
