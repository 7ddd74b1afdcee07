/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The word patch: a page as its difference from a similar one, 8 bytes at a
 * time. codec.c decides whether it pays; Documentation/encodings.rst gives the
 * bytes.
 */
#ifndef MEDES_WORDS_H
#define MEDES_WORDS_H

#include "pure.h"

/* Longest patch before compression, whatever the two pages are. */
#define MEDES_WORDS_MAX 4736

int medes_words_diff(const void *page, const void *base, u8 *patch);
int medes_words_apply(const u8 *patch, size_t len, const void *base,
		      void *page);

#endif /* MEDES_WORDS_H */
