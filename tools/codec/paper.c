// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The algorithm of the paper (EuroSys '22): chunks of 64 raw bytes, chosen by the value of
 * their last two, five a page; the page that shares most of them is the base; the record is a
 * patch of copies and insertions against it. A page that shares none stays.
 *
 * The patch is LZ4's block format with the base page as the dictionary: copies and insertions,
 * as xdelta3's are, in about as many octets.
 */
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define CHUNK	64
#define SAMPLES	5
#define MASK	0x3f	/* of the last two bytes: one window in 64 is chosen */
#define VALUE	0x21

static unsigned int sample(const u8 *page, u64 sketch[MEDES_SKETCH])
{
	unsigned int found = 0, at, i;

	memset(sketch, 0, MEDES_SKETCH * sizeof(*sketch));
	for (at = 0; at + CHUNK <= MEDES_PAGE_SIZE && found < SAMPLES; at++) {
		u64 hash;

		if ((get_unaligned_le16(page + at + CHUNK - 2) & MASK) != VALUE)
			continue;
		hash = medes_xxh64(page + at, CHUNK, 1);
		for (i = 0; i < found && sketch[i] != hash; i++)
			;
		if (i == found)
			sketch[found++] = hash;
		at += CHUNK - 1;
	}
	return found;
}

static int patch(const u8 *page, const u8 *base)
{
	static u8 out[2 * MEDES_PAGE_SIZE];
	static LZ4_stream_t stream;

	LZ4_initStream(&stream, sizeof(stream));
	LZ4_loadDict(&stream, (const char *)base, MEDES_PAGE_SIZE);
	return LZ4_compress_fast_continue(&stream, (const char *)page, (char *)out, MEDES_PAGE_SIZE,
					  sizeof(out), 1);
}

void run_paper(struct result *result, const struct corpus *bases, const struct corpus *target)
{
	struct index *index = index_new(bases->n);
	u64 sketch[MEDES_SKETCH];
	size_t i;

	for (i = 0; i < bases->n; i++)
		if (sample(corpus_page(bases, i), sketch))
			index_add(index, sketch[0], sketch, i);
	for (i = 0; i < target->n; i++) {
		const u8 *page = corpus_page(target, i);
		size_t base = NO_BASE;
		int len = MEDES_PAGE_SIZE;

		if (medes_page_is_zero(page))
			continue;
		/* the hash of whole pages is not part of it: 0 is none's */
		if (sample(page, sketch))
			base = index_choose(index, 0, sketch, NO_BASE);
		if (base != NO_BASE)
			len = patch(page, corpus_page(bases, base));
		result->paper += len < MEDES_PAGE_SIZE ? len : MEDES_PAGE_SIZE;
	}
	index_free(index);
}
