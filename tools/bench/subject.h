/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A subject: a process of its own that holds an image, so that it can be
 * deduplicated or paged out, and that touches its pages when told to, with a
 * stopwatch.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "image.h"
#include "util.h"

/* Most pages of an order. */
#define ORDER_MAX (1U << 17)

enum deed {
	DEED_TOUCH,		/* read a byte of each page of the order */
	DEED_WRITE,		/* change a byte of each */
	DEED_PAGE_OUT,		/* MADV_PAGEOUT of all */
	DEED_POPULATE,		/* MADV_POPULATE_READ of all, by several threads */
	DEED_MINOR,		/* first touches of fresh memory */
	DEED_MERGE,		/* MADV_MERGEABLE of all */
	DEED_SUM,		/* a checksum of all bytes */
};

/* Between the two processes; pages of the order are numbered as in the image. */
struct shared {
	uint64_t area;			/* address */
	enum deed deed;
	uint32_t n;			/* of the order; threads for DEED_POPULATE */
	struct span took;
	uint64_t sum;
	uint32_t order[ORDER_MAX];
	uint32_t ns[ORDER_MAX];		/* of each touch */
};

struct subject {
	pid_t pid;
	int fd;
	int memory;
	struct shared *shared;
	struct image image;
	uint64_t start_time;
};

/* In a memory cgroup of its own, unless that is NULL. */
void subject_start(struct subject *s, const char *path, size_t max, const char *cgroup);
void subject_end(struct subject *s);
struct span subject_do(struct subject *s, enum deed deed, uint32_t n);
uint64_t subject_address(const struct subject *s, size_t page);

/* Pages of the image that are in memory, by the page tables. */
size_t subject_present(const struct subject *s);

/* The other side. */
int subject_main(char **args);

#endif /* BENCH_SUBJECT_H */
