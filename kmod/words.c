// SPDX-License-Identifier: GPL-2.0
/*
 * Word patches, as they are written.
 *
 * The same page of two processes differs mostly in pointers, and all pointers
 * into one mapping differ by the same amount: the slide between two layouts. So
 * the difference of two pages, taken word by word, has few distinct values, and
 * 4 bits a word say which. What is left is often a small step, a small number
 * or a pointer near the one before, and is carried in fewer than 8 bytes. All of
 * these are codes in a table that leads the patch (patch.c).
 *
 * The encoder tallies what each delta would save as a code of its own, takes the
 * best, does the same with the values of the words that are left, and leaves the
 * rest to typed literals. It need not find the optimum: LZ4 follows (codec.c).
 *
 * It runs on copies that nobody else writes, and neither allocates, sleeps nor
 * locks.
 */
#include "words.h"

#define GROUPS (MEDES_PAGE_WORDS / 8)

/* The kind that can take over from each. */
static const u8 wider[MEDES_WORDS_KINDS] = {
	[MEDES_PLAIN0] = MEDES_PLAIN1,
	[MEDES_PLAIN1] = MEDES_PLAIN2,
	[MEDES_PLAIN2] = MEDES_PLAIN3,
	[MEDES_PLAIN3] = MEDES_PLAIN4,
	[MEDES_PLAIN4] = MEDES_PLAIN6,
	[MEDES_PLAIN6] = MEDES_PLAIN8,
	[MEDES_PLAIN8] = MEDES_PLAIN8,
	[MEDES_STEP0]  = MEDES_STEP1,
	[MEDES_STEP1]  = MEDES_STEP2,
	[MEDES_STEP2]  = MEDES_STEP3,
	[MEDES_STEP3]  = MEDES_STEP4,
	[MEDES_STEP4]  = MEDES_PLAIN8,
	[MEDES_NEAR1]  = MEDES_NEAR2,
	[MEDES_NEAR2]  = MEDES_NEAR3,
	[MEDES_NEAR3]  = MEDES_NEAR4,
	[MEDES_NEAR4]  = MEDES_PLAIN8,
};

#define NONE (2 * MEDES_WORDS_CODES)	/* no choice */

/*
 * The shortest way to carry a word that gets no code of its own; of equals a step,
 * then the number itself. The least of three keys says which: no branch depends on
 * the words, which no predictor knows.
 */
static __always_inline unsigned int literal(u64 word, u64 delta, u64 last)
{
	/* by three times the size, for a step, a number, or what is near the last address */
	static const u8 kind[] = {
		[3 * 1] = MEDES_STEP1, MEDES_PLAIN1, MEDES_NEAR1,
		[3 * 2] = MEDES_STEP2, MEDES_PLAIN2, MEDES_NEAR2,
		[3 * 3] = MEDES_STEP3, MEDES_PLAIN3, MEDES_NEAR3,
		[3 * 4] = MEDES_STEP4, MEDES_PLAIN4, MEDES_NEAR4,
		[3 * 5 + 1] = MEDES_PLAIN6,
		[3 * 6 + 1] = MEDES_PLAIN6,
		[3 * 7 + 1] = MEDES_PLAIN8,
		[3 * 8 + 1] = MEDES_PLAIN8,
	};
	unsigned int plain = 3 * ((71 - __builtin_clzll(word | 1)) / 8) + 1;
	unsigned int step = 3 * medes_signed_size(delta);
	unsigned int near = 3 * medes_signed_size(word - last) + 2;
	unsigned int least = plain;

	/* longer ones than 4 there are none */
	step = step > 3 * 4 ? plain : step;
	near = near > 3 * 4 + 2 ? plain : near;
	least = step < least ? step : least;
	least = near < least ? near : least;
	return kind[least];
}

/* An empty tally, with room for about as many values as there are words. */
static void tally_start(struct medes_words_tally *tally, unsigned int count)
{
	unsigned int size = 64;

	while (size < count + count / 2 && size < MEDES_WORDS_TALLY)
		size *= 2;
	tally->mask = size - 1;
	/* what is worth nothing gives way, whatever it is */
	memset(tally->worth, 0, size * sizeof(tally->worth[0]));
}

/*
 * Counts a value that would take size bytes, and returns its place. Of those that
 * share a place the most frequent stays, counting less than it is worth. No branch
 * depends on the values.
 */
static __always_inline unsigned int count(struct medes_words_tally *tally, u64 value,
					  unsigned int size)
{
	unsigned int at = value * 0x9e3779b185ebca87ULL >> 55 & tally->mask;
	unsigned int worth = tally->worth[at];
	u64 was = tally->value[at];
	bool same = was == value, strong = worth > size;

	tally->worth[at] = same ? worth + size : strong ? worth - size : size;
	tally->value[at] = same || strong ? was : value;
	return at;
}

/* Into the list, best first, the first ones before it staying. */
static void enlist(struct medes_words_work *work, unsigned int first, unsigned int place,
		   bool keep)
{
	struct medes_words_choice *best = work->best + first;
	u64 value = work->tally.value[place];
	unsigned int at = work->choices - first;
	int net = work->tally.worth[place] - 1 - medes_addend_size(medes_addend_form(value));

	if (net <= 0 || (at == MEDES_WORDS_CODES && net <= best[at - 1].net))
		return;
	if (at == MEDES_WORDS_CODES)
		at--;
	else
		work->choices++;
	for (; at > 0 && best[at - 1].net < net; at--)
		best[at] = best[at - 1];
	best[at] = (struct medes_words_choice) {
		.value = value, .at = place, .net = net, .keep = keep,
	};
}

/* What occurs once, or takes a byte or two, is hardly worth a code. */
#define WORTHLESS 6

/* Are all of four worthless? None of them reaches the topmost bit. */
static __always_inline bool all_worthless(const u16 worth[4])
{
	u64 four = get_unaligned_le64(worth);

	return !((four + 0x0001000100010001ULL * (0x7fff - WORTHLESS)) & 0x8000800080008000ULL);
}

static_assert(8 * MEDES_PAGE_WORDS < 0x8000, "worth is never that much");

/* The best of the tally into the list behind the first ones. */
static void shortlist(struct medes_words_work *work, bool keep)
{
	struct medes_words_tally *tally = &work->tally;
	unsigned int first = work->choices, i, to;

	memset(tally->choice, NONE, tally->mask + 1);
	for (i = 0; i <= tally->mask;) {
		to = i + 4;
		if (all_worthless(&tally->worth[i]))
			i = to;
		for (; i < to; i++)
			if (tally->worth[i] > WORTHLESS)
				enlist(work, first, i, keep);
	}
	for (i = first; i < work->choices; i++)
		tally->choice[work->best[i].at] = i;
}

static __always_inline unsigned int choice_of(const struct medes_words_work *work,
					      unsigned int i, u64 value)
{
	unsigned int at = work->at[i];

	return work->tally.value[at] == value ? work->tally.choice[at] : NONE;
}

/* The most frequent slides, and the words that they serve. */
static void choose_slides(struct medes_words_work *work, const u64 *page,
			  const u64 *base)
{
	unsigned int n = 0, i;
	u64 last = 0;

	tally_start(&work->tally, work->count);
	for (i = 0; i < work->count; i++) {
		u64 delta = page[work->where[i]] - base[work->where[i]];

		work->at[i] = count(&work->tally, delta, min(medes_signed_size(delta), 6u));
	}
	shortlist(work, true);
	for (i = 0; i < work->count; i++) {
		unsigned int at = work->where[i];
		u64 word = page[at], delta = word - base[at];

		work->choice[i] = choice_of(work, i, delta);
		work->kind[i] = literal(word, delta, last);
		work->rest[n] = i;
		n += work->choice[i] == NONE;
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

	tally_start(&work->tally, work->nr_rest);
	for (n = 0; n < work->nr_rest; n++) {
		i = work->rest[n];
		work->at[i] = count(&work->tally, page[work->where[i]],
				    medes_words_kinds[work->kind[i]].size);
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

/* The kind in use that could take over from this one, or MEDES_PLAIN8 if none. */
static unsigned int heir(const struct medes_words_work *work, unsigned int kind)
{
	do
		kind = wider[kind];
	while (!work->uses[kind] && kind != MEDES_PLAIN8);
	return kind;
}

/* The kind that loses least by becoming longer, and how much it loses. */
static unsigned int shortest_step(const struct medes_words_work *work, int *least)
{
	unsigned int from = MEDES_PLAIN8, i;

	*least = MEDES_PAGE_SIZE;
	for (i = 0; i < MEDES_WORDS_KINDS; i++) {
		int loss;

		if (!work->uses[i] || i == MEDES_PLAIN8)
			continue;
		loss = work->uses[i] * (medes_words_kinds[heir(work, i)].size -
					medes_words_kinds[i].size);
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
	for (i = 0; i < MEDES_WORDS_KINDS; i++)
		if (work->as[i] == from)
			work->as[i] = to;
}

static unsigned int kinds_in_use(const struct medes_words_work *work)
{
	unsigned int used = 0, i;

	for (i = 0; i < MEDES_WORDS_KINDS; i++)
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

	for (i = 0; i < MEDES_WORDS_KINDS; i++)
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
		     u8 code[NONE + 1 + MEDES_WORDS_KINDS], struct put put[MEDES_WORDS_CODES + 1],
		     unsigned int *codes)
{
	unsigned int n = 0, i;

	for (i = 0; i < work->choices; i++) {
		code[i] = 0;
		if (!work->best[i].net)
			continue;
		code[i] = ++n;
		put[n] = (struct put) { };
		out = medes_put_addend(out, work->best[i].keep ? MEDES_STEP0 : MEDES_PLAIN0,
				       work->best[i].value);
	}
	code[NONE] = 0;
	for (i = 0; i < MEDES_WORDS_KINDS; i++) {
		if (!work->uses[i])
			continue;
		code[NONE + 1 + i] = ++n;
		put[n].keep = medes_words_kinds[i].from == MEDES_FROM_BASE ? ~0ULL : 0;
		put[n].near = medes_words_kinds[i].from == MEDES_FROM_LAST ? ~0ULL : 0;
		put[n].bias = medes_words_bias(i);
		put[n].size = medes_words_kinds[i].size;
		out = medes_put_addend(out, i, 0);
	}
	for (i = 0; i < MEDES_WORDS_KINDS; i++)
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
	u8 code[NONE + 1 + MEDES_WORDS_KINDS];
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
