/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages to try the pure files on, and memory that notices who leaves it.
 *
 * All randomness comes from one generator with a fixed start, so a failure
 * comes again.
 */
#ifndef MEDES_UNIT_PAGES_H
#define MEDES_UNIT_PAGES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pure.h"

typedef u64 page_words[MEDES_PAGE_WORDS];

/* Zeroed bytes between two pages that cannot be touched, up against the last. */
void *guarded(size_t len);
void guarded_free(void *memory, size_t len);

void random_start(u64 state);
u64 random_word(void);
u64 random_below(u64 limit);

void page_random(page_words page);
void page_text(page_words page);

/* Objects as an interpreter keeps them: pointers, counters, small numbers. */
void page_objects(page_words page);

/*
 * The page after its process got another layout: pointers moved by one of
 * count slides, each a multiple of 4 KiB.
 */
void page_slide(page_words page, const page_words from, unsigned int count,
		const u64 *slides);

/* The same, but all pointers into one MiB moved alike, as in real processes. */
void page_slide_regions(page_words page, const page_words from, unsigned int count,
			const u64 *slides);

/* One of these, or zeros, by turns: n counts them. */
void page_by_turns(page_words page, unsigned int n);

/* A page that differs from another in words of every kind there is. */
void page_mutate(page_words page, const page_words from, unsigned int words);

#endif /* MEDES_UNIT_PAGES_H */
