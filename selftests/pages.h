/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages with known bytes.
 *
 * Each word of a page names the page and its own place in it, so a wrong byte
 * tells where it came from. A letter says what a page is made to be stored as:
 *
 *	z	zero
 *	s	equal to a page of the test base
 *	w	like a page of the test base, some words differ
 *	c	like none, compressible
 *	r	random: no encoding pays
 *
 * An area is a range of such pages in some process; its mix gives the letters,
 * over and over: "zswc".
 */
#ifndef SELFTEST_PAGES_H
#define SELFTEST_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL
#define WORDS (PAGE / sizeof(uint64_t))
#define FAMILY 16			/* pages of the test base */
#define MIX_MAX 12
#define MIX_ALL "zswcswr"
#define MIX_STORED "zswcsw"
#define MIX_BASE "swsww"		/* every record has a base page */

struct area {
	char *at;
	uint32_t pages;
	uint32_t seed;
	char mix[MIX_MAX];
};

static inline char *area_page(const struct area *a, size_t i)
{
	return a->at + i * PAGE;
}

uint64_t mix64(uint64_t x);
char page_kind(const struct area *a, size_t i);
void page_make(uint64_t *page, char kind, uint32_t seed, size_t i);
size_t area_count(const struct area *a, const char *kinds);

void area_fill(const struct area *a);
size_t area_wrong(const struct area *a);
size_t bytes_wrong(const struct area *a, size_t first, size_t n, const void *bytes);

#endif /* SELFTEST_PAGES_H */
