// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module's own code: scan, choose, encode, decode.
 */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define HANDLE		8	/* of zsmalloc, and its class's objects begin with it */
#define CLASS		16	/* zsmalloc's classes are so far apart */

#define EXTENT		512	/* pages, kmod/base.h: neighbours are in one */

/* In a record's first octet. */
#define HEAD_PRIOR	0x0f	/* of guesses */
#define HEAD_DENSE	0x10
#define HEAD_MADE	0x20	/* moves come first */
#define HEAD_PAGE	0x40	/* no patch, but a page */

#define SEED		0x6d65646573ULL

/* What len bytes take in zsmalloc. */
u64 class_bytes(u64 len)
{
	return len ? (len + HANDLE + CLASS - 1) / CLASS * CLASS : 0;
}

/* What a page takes away from what its record saves. */
u64 net_bytes(const struct coded *coded)
{
	if (coded->encoding == STAYS)
		return MEDES_PAGE_SIZE;
	return STRUCT_PAGE + RECORD_HEAD + class_bytes(coded->len);
}

struct print {
	u64 hash;
	u64 sketch[MEDES_SKETCH];
};

struct coder {
	enum medes_mode mode;
	struct medes_workspace *ws;
	struct medes_scratch *scratch;
	u32 (*seen)[MEDES_GUESS_COUNTS][2];	/* in guesses that were kept, by prior, or NULL */
};

struct work {
	const struct corpus *bases;
	const struct corpus *target;
	const struct options *options;
	struct coder *coder;
	struct print *print;		/* of the target's pages */
	struct index *index;
	struct coded *coded;
};

static void *room(size_t size)
{
	return must(aligned_alloc(64, (size + 63) / 64 * 64));
}

struct coder *coder_new(enum medes_mode mode)
{
	struct coder *coder = must(calloc(1, sizeof(*coder)));

	coder->mode = mode;
	coder->ws = must(medes_workspace_init(room(medes_workspace_size())));
	coder->scratch = must(medes_scratch_init(room(medes_scratch_size())));
	return coder;
}

void coder_free(struct coder *coder)
{
	free(coder->ws);
	free(coder->scratch);
	free(coder);
}

static const void *neighbour(const struct corpus *bases, size_t base, int by)
{
	size_t other = base + by;

	if (other >= bases->n || other / EXTENT != base / EXTENT ||
	    medes_page_is_zero(corpus_page(bases, other)))
		return NULL;
	return corpus_page(bases, other);
}

/* A base page and those beside it, as far as the module would know of them. */
static const struct medes_bases *bases_of(const struct corpus *bases, size_t base,
					  struct medes_bases *found)
{
	if (base == NO_BASE)
		return NULL;
	*found = (struct medes_bases) { {
		[MEDES_BEFORE] = neighbour(bases, base, -1),
		[MEDES_ITSELF] = corpus_page(bases, base),
		[MEDES_AFTER] = neighbour(bases, base, 1),
	} };
	return found;
}

/**
 * coder_learn() - count what is told in all records that guesses are best for
 * @coder: what encodes
 * @seen: counts, for each prior
 */
void coder_learn(struct coder *coder, u32 (*seen)[MEDES_GUESS_COUNTS][2])
{
	coder->seen = seen;
}

/* Tell the page once more, as it was told in the record. */
static void learn(struct coder *coder, const u8 *page, const struct medes_bases *bases,
		  const struct medes_coded *found)
{
	static u8 like[MEDES_PAGE_SIZE] __attribute__((aligned(64)));
	static u8 out[2 * MEDES_PAGE_SIZE];
	struct medes_guess_work *work = &coder->ws->guess;
	const u8 *record = found->data;

	if (found->len <= 0 || !(record[0] & HEAD_DENSE) || record[0] & HEAD_PAGE)
		return;
	memset(like, 0, sizeof(like));
	if (record[0] & HEAD_MADE)
		medes_moves_apply(record + 1, found->len - 1, bases, like);
	else if (found->encoding == MEDES_ENCODING_WORDS)
		memcpy(like, bases->page[MEDES_ITSELF], sizeof(like));
	work->seen = coder->seen[record[0] & HEAD_PRIOR];
	medes_guess_write(work, record[0] & HEAD_PRIOR, page, like, out, sizeof(out));
	work->seen = NULL;
}

void coder_encode(struct coder *coder, const u8 *page, const struct corpus *bases, size_t base,
		  struct coded *coded)
{
	struct medes_coded found;
	struct medes_bases room;
	const struct medes_bases *near = bases_of(bases, base, &room);
	int len = medes_encode(coder->ws, coder->mode, page, near, &found);

	if (coder->seen)
		learn(coder, page, near, &found);
	coded->encoding = len < 0 ? STAYS : found.encoding;
	coded->reach = found.reach;
	coded->len = len < 0 ? 0 : len;
	memcpy(coded->data, found.data, coded->len);
}

static struct print *scan(const struct corpus *corpus, u64 *ns)
{
	struct print *print = must(calloc(corpus->n, sizeof(*print)));
	size_t i;

	for (i = 0; i < corpus->n; i++) {
		const u8 *page = corpus_page(corpus, i);
		u64 begin = now_ns();

		print[i].hash = medes_page_hash(page, SEED);
		medes_fingerprint(page, SEED, print[i].sketch);
		if (ns)
			keep_least(&ns[i], now_ns() - begin);
	}
	return print;
}

static struct index *enter(const struct corpus *bases)
{
	struct index *index = index_new(bases->n);
	struct print *print = scan(bases, NULL);
	size_t i;

	for (i = 0; i < bases->n; i++)
		if (print[i].sketch[0] && !medes_page_is_zero(corpus_page(bases, i)))
			index_add(index, print[i].hash, print[i].sketch, i);
	free(print);
	return index;
}

/*
 * The base page of a page. As in medesd, a page that shares nothing with any is tried
 * with the one behind the last choice; a page of zeros is no base page.
 */
static size_t choose_one(const struct work *w, const struct print *print, size_t *last)
{
	size_t base = index_choose(w->index, print->hash, print->sketch, *last);

	if (base == NO_BASE && *last != NO_BASE && *last + 1 < w->bases->n)
		base = *last + 1;
	if (base != NO_BASE)
		*last = base;
	if (base != NO_BASE && medes_page_is_zero(corpus_page(w->bases, base)))
		return NO_BASE;
	return base;
}

static void choose(struct work *w, u64 *ns)
{
	size_t last = NO_BASE, i;

	for (i = 0; i < w->target->n; i++) {
		u64 begin = now_ns();

		w->coded[i].base = choose_one(w, &w->print[i], &last);
		keep_least(&ns[i], now_ns() - begin);
	}
}

static void encode(struct work *w, u64 *ns)
{
	size_t i;

	for (i = 0; i < w->target->n; i++) {
		struct coded *coded = &w->coded[i];
		u64 begin = now_ns();

		coder_encode(w->coder, corpus_page(w->target, i), w->bases, coded->base, coded);
		keep_least(&ns[i], now_ns() - begin);
	}
}

/* Only pages that have a record are timed: the others come back by themselves. */
static size_t decode(struct work *w, u64 *ns)
{
	static u8 page[MEDES_PAGE_SIZE] __attribute__((aligned(64)));
	size_t i, n = 0;
	unsigned int k;

	for (i = 0; i < w->target->n; i++) {
		const struct coded *coded = &w->coded[i];
		const struct medes_bases *base;
		struct medes_bases room;
		u64 begin;
		int err;

		if (coded->encoding == STAYS)
			continue;
		base = bases_of(w->bases, coded->base, &room);
		for (k = 0; base && k < MEDES_NEAR; k++)
			if (!(coded->reach >> k & 1))
				room.page[k] = NULL;
		begin = now_ns();
		err = medes_decode(w->coder->scratch, coded->encoding, coded->data, coded->len,
				   base, page);
		keep_least(&ns[n++], now_ns() - begin);
		if (err || memcmp(page, corpus_page(w->target, i), MEDES_PAGE_SIZE))
			die("page %zu does not come back as it was encoded", i);
	}
	return n;
}

static void tally(const struct work *w, struct result *result)
{
	size_t i;

	for (i = 0; i < w->target->n; i++) {
		const struct coded *coded = &w->coded[i];

		result->count[coded->encoding]++;
		result->bytes[coded->encoding] += coded->len;
		result->ours += coded->encoding == STAYS ? MEDES_PAGE_SIZE : coded->len;
		result->ours_net += net_bytes(coded);
		if (coded->encoding == MEDES_ENCODING_ZERO || coded->encoding == MEDES_ENCODING_SAME)
			result->exact += MEDES_PAGE_SIZE;
	}
}

/* Every base page tried, for some pages evenly spread. */
static void ask_oracle(struct work *w, struct result *result)
{
	size_t n = w->options->oracle, i, k;
	struct coded coded;

	n = n < w->target->n ? n : w->target->n;
	for (k = 0; k < n; k++) {
		size_t at = (2 * k + 1) * w->target->n / (2 * n);
		u64 ours = w->coded[at].encoding == STAYS ? MEDES_PAGE_SIZE : w->coded[at].len;
		u64 least = ours;

		for (i = 0; i < w->bases->n && least; i++) {
			coder_encode(w->coder, corpus_page(w->target, at), w->bases, i, &coded);
			if (coded.encoding != STAYS && coded.len < least)
				least = coded.len;
		}
		result->oracle += MEDES_PAGE_SIZE - least;
		result->oracle_ours += MEDES_PAGE_SIZE - ours;
	}
	result->oracle_pages = n;
}

/**
 * choose_and_encode() - encode a corpus against another
 * @coder: to use
 * @options: of the command line
 * @bases: pages to refer to
 * @target: pages to encode
 *
 * Return: how each page was encoded, to be freed.
 */
struct coded *choose_and_encode(struct coder *coder, const struct options *options,
				const struct corpus *bases, const struct corpus *target)
{
	struct work w = {
		.bases = bases,
		.target = target,
		.options = options,
		.coder = coder,
		.print = scan(target, NULL),
		.index = enter(bases),
		.coded = must(calloc(target->n, sizeof(*w.coded))),
	};
	u64 *ns = must(calloc(target->n, sizeof(*ns)));

	choose(&w, ns);
	encode(&w, ns);
	free(ns);
	free(w.print);
	index_free(w.index);
	return w.coded;
}

/**
 * run_ours() - encode a corpus against others with the module's code
 * @result: its part of this is filled in
 * @options: of the command line
 * @bases: pages to refer to
 * @target: pages to encode
 */
void run_ours(struct result *result, const struct options *options, const struct corpus *bases,
	      const struct corpus *target)
{
	struct work w = {
		.bases = bases,
		.target = target,
		.options = options,
		.coder = coder_new(options->mode),
		.coded = must(calloc(target->n, sizeof(*w.coded))),
		.index = enter(bases),
	};
	u64 *ns[4];
	unsigned int i;
	size_t decoded = 0;

	for (i = 0; i < ARRAY_SIZE(ns); i++)
		ns[i] = must(calloc(target->n, sizeof(u64)));
	for (i = 0; i < options->runs; i++) {
		free(w.print);
		w.print = scan(target, ns[0]);
		choose(&w, ns[1]);
		encode(&w, ns[2]);
		decoded = decode(&w, ns[3]);
	}
	tally(&w, result);
	result->pages = target->n;
	result->entries_per_page = index_entries_per_page(w.index);
	result->scan = times_of(ns[0], target->n);
	result->choose = times_of(ns[1], target->n);
	result->encode = times_of(ns[2], target->n);
	result->decode = times_of(ns[3], decoded);
	ask_oracle(&w, result);

	for (i = 0; i < ARRAY_SIZE(ns); i++)
		free(ns[i]);
	coder_free(w.coder);
	free(w.print);
	free(w.coded);
	index_free(w.index);
}
