/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table from a 64-bit hash to a bounded number of 32-bit references.
 */
#ifndef MEDESD_TABLE_H
#define MEDESD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* References are below this. */
#define TABLE_REF_MAX (UINT32_MAX - 1)

struct table_entry {
	uint32_t tag;			/* of the hash */
	uint32_t ref;
};

/* Zeroed: empty. */
struct table {
	struct table_entry *entries;
	uint32_t size;
	uint32_t live;
	uint32_t dead;			/* removed, and still in the way of probes */
};

int table_add(struct table *t, uint64_t hash, uint32_t ref, unsigned int max);
unsigned int table_get(const struct table *t, uint64_t hash, uint32_t *refs, unsigned int max);
void table_prefetch(const struct table *t, uint64_t hash);
void table_remove(struct table *t, bool (*gone)(uint32_t ref, const void *arg), const void *arg);
void table_free(struct table *t);

#endif /* MEDESD_TABLE_H */
