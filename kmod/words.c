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
 * The encoder tallies what each delta would save as a code of its own, takes the
 * best, does the same with the values of the words that are left, and leaves the
 * rest to typed literals. It need not find the optimum: LZ4 follows (codec.c).
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

static_assert(KINDS == MEDES_WORDS_KINDS, "the kinds of the work space");

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

#define NONE (2 * MEDES_WORDS_CODES)	/* no choice */

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

/* Octets of value as a signed number, 1 for 0. */
static __always_inline unsigned int signed_size(u64 value)
{
	u64 bits = value ^ (u64)((s64)value >> 63);

	return (64 - __builtin_clzll(bits | 1)) / 8 + 1;
}

/* How an addend is written. */
static unsigned int addend_form(u64 add)
{
	unsigned int size = add ? signed_size(add) : 0;
	unsigned int pages;

	if (!size || add & (MEDES_PAGE_SIZE - 1))
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

/* The shortest way to carry a word that gets no code of its own. */
static __always_inline unsigned int literal(u64 word, u64 delta, u64 last)
{
	static const u8 plain[] = {
		PLAIN1, PLAIN1, PLAIN2, PLAIN3, PLAIN4, PLAIN6, PLAIN6, PLAIN8, PLAIN8
	};
	unsigned int size = (71 - __builtin_clzll(word | 1)) / 8;
	unsigned int step = signed_size(delta);
	unsigned int near = signed_size(word - last);

	if (step <= min(4u, size) && step <= near)
		return STEP0 + step;
	if (near <= 4 && near < size)
		return NEAR1 + near - 1;
	return plain[size];
}

/* An empty tally, with room for about as many values as there are words. */
static void tally_start(struct medes_words_work *work, unsigned int count)
{
	unsigned int size = 64;

	while (size < count + count / 2 && size < MEDES_WORDS_TALLY)
		size *= 2;
	work->mask = size - 1;
	memset(work->tally, 0, size * sizeof(work->tally[0]));
}

/*
 * Counts a value of word number i that would take size bytes. Of those that share
 * a place the most frequent stays, counting less than it is worth. No branch
 * depends on the values, which no predictor knows.
 */
static __always_inline void tally(struct medes_words_work *work, unsigned int i,
				  u64 value, unsigned int size)
{
	unsigned int at = value * 0x9e3779b185ebca87ULL >> 55 & work->mask;
	struct medes_words_value *entry = &work->tally[at];
	unsigned int worth = entry->worth;
	bool same = entry->value == value, strong = worth > size;

	entry->worth = same ? worth + size : strong ? worth - size : size;
	entry->value = same || strong ? entry->value : value;
	work->at[i] = at;
}

/* Into the list, best first, the first ones before it staying. */
static void enlist(struct medes_words_work *work, unsigned int first,
		   struct medes_words_value *entry, bool keep)
{
	struct medes_words_choice *best = work->best + first;
	unsigned int at = work->choices - first;
	int net = entry->worth - 1 - addend_size(addend_form(entry->value));

	if (net <= 0 || (at == MEDES_WORDS_CODES && net <= best[at - 1].net))
		return;
	if (at == MEDES_WORDS_CODES)
		at--;
	else
		work->choices++;
	for (; at > 0 && best[at - 1].net < net; at--)
		best[at] = best[at - 1];
	best[at] = (struct medes_words_choice) {
		.value = entry->value, .entry = entry, .net = net, .keep = keep,
	};
}

/* The best of the tally into the list behind the first ones. */
static void shortlist(struct medes_words_work *work, bool keep)
{
	unsigned int first = work->choices, i;

	for (i = 0; i <= work->mask; i++) {
		work->tally[i].choice = NONE;
		/* what occurs once, or takes a byte or two, is hardly worth it */
		if (work->tally[i].worth > 6)
			enlist(work, first, &work->tally[i], keep);
	}
	for (i = first; i < work->choices; i++)
		work->best[i].entry->choice = i;
}

static __always_inline unsigned int choice_of(const struct medes_words_work *work,
					      unsigned int i, u64 value)
{
	const struct medes_words_value *entry = &work->tally[work->at[i]];

	return entry->value == value ? entry->choice : NONE;
}

/* The most frequent slides, and the words that they serve. */
static void choose_slides(struct medes_words_work *work, const u64 *page,
			  const u64 *base)
{
	unsigned int n = 0, i;
	u64 last = 0;

	tally_start(work, work->count);
	for (i = 0; i < work->count; i++) {
		u64 delta = page[work->where[i]] - base[work->where[i]];

		tally(work, i, delta, min(signed_size(delta), 6u));
	}
	shortlist(work, true);
	for (i = 0; i < work->count; i++) {
		unsigned int at = work->where[i];
		u64 word = page[at], delta = word - base[at];

		work->choice[i] = choice_of(work, i, delta);
		work->rest[n] = i;
		n += work->choice[i] == NONE;
		if (work->choice[i] == NONE)
			work->kind[i] = literal(word, delta, last);
		last = medes_is_address(word) ? word : last;
	}
	work->nr_rest = n;
}

static void choose_no_slides(struct medes_words_work *work, const u64 *page)
{
	unsigned int i;
	u64 last = 0;

	for (i = 0; i < work->count; i++) {
		u64 word = page[work->where[i]];

		work->choice[i] = NONE;
		work->rest[i] = i;
		work->kind[i] = literal(word, word, last);
		last = medes_is_address(word) ? word : last;
	}
	work->nr_rest = work->count;
}

/* The most frequent values among the rest, and the literals of what is left. */
static void choose_values(struct medes_words_work *work, const u64 *page)
{
	unsigned int i, n;

	tally_start(work, work->nr_rest);
	for (n = 0; n < work->nr_rest; n++) {
		i = work->rest[n];
		tally(work, i, page[work->where[i]], kinds[work->kind[i]].size);
	}
	shortlist(work, false);
	for (n = 0; n < work->nr_rest; n++) {
		i = work->rest[n];
		work->choice[i] = choice_of(work, i, page[work->where[i]]);
		work->uses[work->kind[i]] += work->choice[i] == NONE;
	}
}

/* What dropped choices served is carried in full. */
static void drop(struct medes_words_work *work, const u64 *page, const u64 *base)
{
	unsigned int i;
	u64 last = 0;

	for (i = 0; i < work->count; i++) {
		unsigned int at = work->where[i];
		u64 word = page[at];

		if (work->choice[i] != NONE && !work->best[work->choice[i]].net) {
			work->choice[i] = NONE;
			work->kind[i] = literal(word, word - (base ? base[at] : 0), last);
			work->uses[work->as[work->kind[i]]]++;
		}
		last = medes_is_address(word) ? word : last;
	}
}

/* The kind in use that could take over from this one, or PLAIN8 if none. */
static unsigned int heir(const struct medes_words_work *work, unsigned int kind)
{
	do
		kind = kinds[kind].wider;
	while (!work->uses[kind] && kind != PLAIN8);
	return kind;
}

/* The kind that loses least by becoming longer, and how much it loses. */
static unsigned int shortest_step(const struct medes_words_work *work, int *least)
{
	unsigned int from = PLAIN8, i;

	*least = MEDES_PAGE_SIZE;
	for (i = 0; i < KINDS; i++) {
		int loss;

		if (!work->uses[i] || i == PLAIN8)
			continue;
		loss = work->uses[i] * (kinds[heir(work, i)].size - kinds[i].size);
		if (loss < *least) {
			*least = loss;
			from = i;
		}
	}
	return from;
}

/* Literals of a kind become those of the next wider one in use. */
static void widen(struct medes_words_work *work, unsigned int from)
{
	unsigned int to = heir(work, from), i;

	work->uses[to] += work->uses[from];
	work->uses[from] = 0;
	for (i = 0; i < KINDS; i++)
		if (work->as[i] == from)
			work->as[i] = to;
}

static unsigned int kinds_in_use(const struct medes_words_work *work)
{
	unsigned int used = 0, i;

	for (i = 0; i < KINDS; i++)
		used += !!work->uses[i];
	return used;
}

/* The choice that saves least, of those left, or NONE. */
static unsigned int weakest(const struct medes_words_work *work)
{
	unsigned int found = NONE, i;

	for (i = 0; i < work->choices; i++) {
		if (!work->best[i].net)
			continue;
		if (found == NONE || work->best[i].net < work->best[found].net)
			found = i;
	}
	return found;
}

/*
 * Choices and kinds of literals compete for codes. While there are too few, the
 * least loss is taken.
 */
static void fit(struct medes_words_work *work, const u64 *page, const u64 *base)
{
	unsigned int choices = work->choices, literals, i;
	int least;

	for (i = 0; i < KINDS; i++)
		work->as[i] = i;
	for (;;) {
		unsigned int worst = weakest(work), from;

		/* what a dropped choice served needs one at least */
		literals = kinds_in_use(work) ?: choices < work->choices;
		if (choices + literals <= MEDES_WORDS_CODES)
			break;
		from = shortest_step(work, &least);
		if (worst != NONE && work->best[worst].net <= least) {
			work->best[worst].net = 0;
			choices--;
		} else {
			widen(work, from);
		}
	}
	if (choices == work->choices)
		return;
	drop(work, page, base);
	/* which may have brought more kinds */
	while (choices + kinds_in_use(work) > MEDES_WORDS_CODES)
		widen(work, shortest_step(work, &least));
}

/* A code, and how a word becomes the number that it carries. */
struct put {
	u64 keep;
	u64 near;
	u64 bias;
	u8 size;
};

/* The table; code receives the code of each choice, and put what each code is. */
static u8 *put_table(const struct medes_words_work *work, u8 *out,
		     u8 code[NONE + 1 + KINDS], struct put put[MEDES_WORDS_CODES + 1],
		     unsigned int *codes)
{
	unsigned int n = 0, i;

	for (i = 0; i < work->choices; i++) {
		code[i] = 0;
		if (!work->best[i].net)
			continue;
		code[i] = ++n;
		put[n] = (struct put) { };
		out = put_code(out, work->best[i].keep ? STEP0 : PLAIN0,
			       work->best[i].value);
	}
	code[NONE] = 0;
	for (i = 0; i < KINDS; i++) {
		if (!work->uses[i])
			continue;
		code[NONE + 1 + i] = ++n;
		put[n].keep = kinds[i].from == FROM_BASE ? ~0ULL : 0;
		put[n].near = kinds[i].from == FROM_LAST ? ~0ULL : 0;
		put[n].bias = bias(i);
		put[n].size = kinds[i].size;
		out = put_code(out, i, 0);
	}
	for (i = 0; i < KINDS; i++)
		code[NONE + 1 + i] = code[NONE + 1 + work->as[i]];
	*codes = n;
	return out;
}

/* Which words change. */
static u8 *put_groups(const struct medes_words_work *work, u8 *out)
{
	u8 mask[GROUPS] = { 0 };
	u8 *at = out + 8;
	u64 groups = 0;
	unsigned int i;

	for (i = 0; i < work->count; i++)
		mask[work->where[i] / 8] |= 1 << work->where[i] % 8;
	for (i = 0; i < GROUPS; i++) {
		*at = mask[i];
		at += !!mask[i];
		groups |= (u64)!!mask[i] << i;
	}
	put_unaligned_le64(groups, out);
	return at;
}

/* The code of each word, and what follows of it. */
static u8 *put_words(const struct medes_words_work *work, const u64 *page,
		     const u64 *base, const u8 *code, const struct put *put, u8 *out)
{
	u8 *number = out + (work->count + 1) / 2;
	unsigned int half = 0, i;
	u64 last = 0;

	for (i = 0; i < work->count; i++) {
		unsigned int at = work->where[i], c = code[work->choice[i]];
		u64 word = page[at];

		c = c ?: code[NONE + 1 + work->kind[i]];
		/* of a code without numbers the next one overwrites this */
		put_unaligned_le64(word - (put[c].keep & (base ? base[at] : 0)) -
				   (put[c].near & last) + put[c].bias, number);
		number += put[c].size;
		if (i % 2)
			*out++ = half | c << 4;
		half = c;
		last = medes_is_address(word) ? word : last;
	}
	if (i % 2)
		*out = half;
	return number;
}

/**
 * medes_words_compare() - find the words that differ
 * @work: receives which, for medes_words_diff() and others
 * @page: 4096 bytes, 8-byte aligned
 * @base: 4096 bytes, 8-byte aligned, or NULL for a page of zeros
 *
 * Context: any.
 * Return: how many differ.
 */
unsigned int medes_words_compare(struct medes_words_work *work, const void *page,
				 const void *base)
{
	const u64 *a = page, *b = base;
	unsigned int n = 0, i, to;

	for (i = 0; i < MEDES_PAGE_WORDS;) {
		to = i + 8;
		if (!b) {
			for (; i < to; i++) {
				work->where[n] = i;
				n += !!a[i];
			}
			continue;
		}
		for (; i < to; i++) {
			work->where[n] = i;
			n += a[i] != b[i];
		}
	}
	work->count = n;
	return n;
}

/**
 * medes_words_diff() - write a page as its difference from another
 * @work: scratch space; medes_words_compare() has compared the same two pages
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
	struct put put[MEDES_WORDS_CODES + 1];
	u8 code[NONE + 1 + KINDS];
	u8 *out;

	work->choices = 0;
	memset(work->uses, 0, sizeof(work->uses));
	if (base)
		choose_slides(work, page, base);
	else
		choose_no_slides(work, page);
	if (work->nr_rest)
		choose_values(work, page);
	fit(work, page, base);
	out = put_table(work, patch, code, put, codes);
	out = put_groups(work, out);
	out = put_words(work, page, base, code, put, out);
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
