/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a page is looked up by: a hash of all its bytes, which finds equal
 * pages, and a sketch, which finds similar ones.
 */
#ifndef MEDES_FINGERPRINT_H
#define MEDES_FINGERPRINT_H

#include "pure.h"

/* Version of the sketch: what differs here shares nothing. */
#define MEDES_SKETCH_FORMAT 2

/* Hashes in a sketch. */
#define MEDES_SKETCH 8

u64 medes_page_hash(const void *page, u64 seed);
void medes_fingerprint(const void *page, u64 seed, u64 sketch[MEDES_SKETCH]);
bool medes_page_is_zero(const void *page);

#endif /* MEDES_FINGERPRINT_H */
