// SPDX-License-Identifier: GPL-2.0
/*
 * Pixels.
 *
 * A picture is new to each process, and its octets hardly ever repeat, so neither a base page
 * nor zstd makes much of it. But one pixel is much like the one before. So a page may be
 * compressed as what each of its octets adds to the one that is a pixel before, as PNG does
 * ("Sub"): most of that are a few small numbers.
 */
#include "pixels.h"

/* Octets that show what a page is like: so many, in so many places. */
#define SAMPLE  64
#define SAMPLES 8

/* Octets in a pixel: grey, with two channels, with three or four, four with two octets each. */
static const u8 strides[] = { 1, 2, 3, 4, 8 };

/* How far off 0 octets are, and their differences; 128 at most. */
static unsigned int off(u8 octet)
{
	return octet < 128 ? octet : 256 - octet;
}

static unsigned int sum_off(const u8 *page, unsigned int stride)
{
	unsigned int sum = 0, k, i;

	for (k = 0; k < SAMPLES; k++) {
		unsigned int at = k * (MEDES_PAGE_SIZE / SAMPLES) + MEDES_PIXELS_MAX;

		for (i = 0; i < SAMPLE; i++, at++)
			sum += off(page[at] - (stride ? page[at - stride] : 0));
	}
	return sum;
}

/**
 * medes_pixels_find() - how many octets would the pixels of a page have?
 * @page: 4096 bytes
 *
 * Context: any.
 * Return: 1 to MEDES_PIXELS_MAX, or 0 when it has none, by the looks of it.
 */
unsigned int medes_pixels_find(const void *page)
{
	unsigned int none = sum_off(page, 0), least = none - none / 4, found = 0, i;

	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		unsigned int sum = sum_off(page, strides[i]);

		if (sum < least) {
			least = sum;
			found = strides[i];
		}
	}
	return found;
}

/**
 * medes_pixels_take() - take off each octet what the pixel before has
 * @page: 4096 bytes
 * @stride: octets of a pixel, 1 to MEDES_PIXELS_MAX
 * @out: receives the differences, 4096 bytes
 *
 * Context: any.
 */
void medes_pixels_take(const void *page, unsigned int stride, void *out)
{
	const u8 *from = page;
	u8 *to = out;
	unsigned int i;

	memcpy(to, from, stride);
	for (i = stride; i < MEDES_PAGE_SIZE; i++)
		to[i] = from[i] - from[i - stride];
}

/* The sums of the octets of two words. */
static __always_inline u64 add_octets(u64 a, u64 b)
{
	const u64 high = 0x8080808080808080ULL;

	return ((a & ~high) + (b & ~high)) ^ ((a ^ b) & high);
}

/**
 * medes_pixels_add() - the other way around
 * @page: 4096 bytes of differences, 8-byte aligned, which become the page
 * @stride: octets of a pixel, 1 to MEDES_PIXELS_MAX
 *
 * Context: any.
 */
void medes_pixels_add(void *page, unsigned int stride)
{
	unsigned int bits = 8 * stride, i, shift;
	u64 *words = page, before = 0;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 word = words[i], last = before >> (64 - bits);

		/* in the word itself, and what the last pixel of the one before adds to each */
		for (shift = bits; shift < 64; shift *= 2) {
			word = add_octets(word, word << shift);
			last |= last << shift;
		}
		before = add_octets(word, last);
		words[i] = before;
	}
}
