/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small numbers for base pages, so that the tables need not name base and index.
 */
#ifndef MEDESD_NUMBERS_H
#define MEDESD_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A base page; slot is the registry's number of the base. */
struct numbered {
	uint32_t slot;
	uint32_t index;
};

/* Zeroed: none. */
struct numbers {
	struct numbered *v;
	uint32_t n;			/* given out at some time */
	uint32_t room;
	uint32_t free;			/* one more than the first that is free */
};

int numbers_get(struct numbers *numbers, struct numbered page, uint32_t *number);
void numbers_put(struct numbers *numbers, bool (*gone)(uint32_t slot, const void *arg),
		 const void *arg);
void numbers_free(struct numbers *numbers);

#endif /* MEDESD_NUMBERS_H */
