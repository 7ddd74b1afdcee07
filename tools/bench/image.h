/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images: the anonymous pages of a real process, with the addresses they had.
 *
 * NAME.addresses holds 64-bit addresses, ascending; NAME.pages the pages in the same
 * order; NAME.touches, for some, addresses in the order in which a request touched
 * them first.
 */
#ifndef BENCH_IMAGE_H
#define BENCH_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
	char path[240];		/* without the ending */
	size_t n;		/* pages */
	uint64_t *address;	/* where they were */
	uint32_t *place;	/* where they are laid out: pages from the area's start */
	uint32_t *file;		/* number of the page in the file */
	size_t area;		/* pages of address space that it takes */
	uint32_t *touches;	/* pages of a request, in its order; numbers of pages */
	size_t n_touches;
};

/* At most max pages, 0 for all: whole aligned blocks of 64, spread over the image. */
void image_open(struct image *image, const char *path, size_t max);
void image_close(struct image *image);

/* Copy the pages into an area; aligned to 2 MiB. */
void image_fill(const struct image *image, char *area);

#endif /* BENCH_IMAGE_H */
