/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zram as swap, the way it is compared with.
 */
#ifndef BENCH_SWAP_H
#define BENCH_SWAP_H

#include <stdint.h>

struct swap {
	const char *algorithm;
	unsigned int number;		/* of the zram device */
	char device[32];
};

void swap_new(struct swap *swap, const char *algorithm, uint64_t bytes);
void swap_end(struct swap *swap);
void swap_on(const struct swap *swap);
void swap_off(const struct swap *swap);

/* Memory that what is in it takes. */
uint64_t swap_bytes(const struct swap *swap);

#endif /* BENCH_SWAP_H */
