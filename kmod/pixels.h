/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages of samples that differ little from the ones before: pixels, sound.
 */
#ifndef MEDES_PIXELS_H
#define MEDES_PIXELS_H

#include "pure.h"

/* How far apart octets of a kind may be. */
#define MEDES_PIXELS_MAX 8

unsigned int medes_pixels_find(const void *page);
void medes_pixels_take(const void *page, unsigned int stride, void *out);
void medes_pixels_add(void *page, unsigned int stride);

#endif /* MEDES_PIXELS_H */
