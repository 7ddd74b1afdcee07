// SPDX-License-Identifier: GPL-2.0
/*
 * Page hash and page sketch.
 *
 * Two sandboxes of one function hold nearly the same pages, but under address
 * space layout randomisation no pointer in them is equal. The sketch sees
 * through that:
 *
 * - A word that looks like a user-space address counts with its low 12 bits
 *   only: mappings move by whole pages, so these survive.
 * - Every window of three words, wherever it lies, is hashed, and the smallest
 *   distinct hashes are kept: bottom-k sampling (Broder, "On the resemblance and
 *   containment of documents", 1997). Two pages share sketch entries in
 *   proportion to the windows they have in common. The place does not count:
 *   two heaps hold the same objects, but not at the same places.
 * - Windows with no more than one word that is not zero say little and are left
 *   out.
 *
 * The hash is not cryptographic. The seed keeps domains from meeting by
 * chance; whoever uses a match compares bytes.
 *
 * Everything here works on the caller's page and a few registers: no locks, no
 * allocation, any context.
 */
#include "fingerprint.h"

#define WINDOW 3	/* words */

/* Odd, their bits in no pattern, and part of what a sketch is: fixed for good. */
#define MIX_WORD   0x9e3779b185ebca87ULL
#define MIX_WINDOW 0xbf58476d1ce4e5b9ULL

/* One window of sixteen is below it. */
#define LIMIT (~0ULL >> 4)

static __always_inline u64 mix(u64 word)
{
	word *= MIX_WORD;
	return word ^ word >> 32;
}

static __always_inline u64 rotate(u64 word, unsigned int by)
{
	return word << by | word >> (64 - by);
}

/*
 * Into the ascending sketch, the largest falling off the end. A fixed number
 * of exchanges, as where a hash belongs is what no branch predictor knows.
 */
static __always_inline void keep(u64 sketch[MEDES_SKETCH], u64 hash)
{
	int i;

	for (i = 0; i < MEDES_SKETCH; i++) {
		u64 other = sketch[i];

		sketch[i] = other < hash ? other : hash;
		/* What is already there goes on as nothing at all. */
		hash = other == hash ? ~0ULL : other < hash ? hash : other;
	}
}

/**
 * medes_page_hash() - hash of all bytes of a page
 * @page: 4096 bytes
 * @seed: the domain's seed
 *
 * Context: any.
 * Return: XXH64 of the page.
 */
u64 medes_page_hash(const void *page, u64 seed)
{
	return medes_xxh64(page, MEDES_PAGE_SIZE, seed);
}

/* The smallest hashes of all windows, but for those above most. */
static __always_inline void sample(const u64 *words, u64 seed, u64 most,
				   u64 sketch[MEDES_SKETCH])
{
	u64 a = mix(medes_blind(words[0])), b = mix(medes_blind(words[1]));
	int i;

	for (i = 0; i < MEDES_SKETCH; i++)
		sketch[i] = ~0ULL;

	for (i = WINDOW - 1; i < MEDES_PAGE_WORDS; i++) {
		u64 c = mix(medes_blind(words[i]));
		u64 hash = (a + rotate(b, 21) + rotate(c, 42)) ^ seed;

		/*
		 * Few come further, so what is left to do waits until then: folding
		 * leaves the upper half as it is, and only a word that is 0 mixes to 0.
		 */
		hash *= MIX_WINDOW;
		if (hash <= most && !!a + !!b + !!c > 1) {
			hash ^= hash >> 32;
			if (hash)
				keep(sketch, hash);
			most = min(most, sketch[MEDES_SKETCH - 1] | ~0U);
		}
		a = b;
		b = c;
	}
}

/**
 * medes_fingerprint() - sketch of a page, blind to where pointers point
 * @page: 4096 bytes, 8-byte aligned
 * @seed: the domain's seed
 * @sketch: receives the smallest distinct window hashes in ascending order;
 *	entries the page has no windows for are 0 and come last, and no hash is 0
 *
 * Context: any.
 */
void medes_fingerprint(const void *page, u64 seed, u64 sketch[MEDES_SKETCH])
{
	int i;

	/*
	 * Each that is kept costs a mispredicted branch. Most pages have more than
	 * enough below a limit, and then the first ones above need not be kept.
	 */
	sample(page, seed, LIMIT, sketch);
	if (sketch[MEDES_SKETCH - 1] == ~0ULL)
		sample(page, seed, ~0ULL, sketch);

	for (i = 0; i < MEDES_SKETCH; i++)
		if (sketch[i] == ~0ULL)
			sketch[i] = 0;
}

/**
 * medes_page_is_zero() - is every byte of a page zero
 * @page: 4096 bytes, 8-byte aligned
 *
 * Context: any.
 * Return: true when it is.
 */
bool medes_page_is_zero(const void *page)
{
	const u64 *words = page;
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i += 8) {
		if (words[i] | words[i + 1] | words[i + 2] | words[i + 3] |
		    words[i + 4] | words[i + 5] | words[i + 6] | words[i + 7])
			return false;
	}
	return true;
}
