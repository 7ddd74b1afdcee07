/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table from a 64-bit hash to a bounded number of base pages.
 */
#ifndef MEDESD_TABLE_H
#define MEDESD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A base page; slot is the registry's number of the base. */
struct table_ref {
	uint32_t slot;
	uint32_t index;
};

struct table_entry {
	uint64_t hash;
	struct table_ref ref;
};

struct table {
	struct table_entry *entries;
	unsigned int bits;		/* log2 of the number of entries; 0: none yet */
	size_t live;
	size_t dead;			/* removed, and still in the way of probes */
};

int table_add(struct table *t, uint64_t hash, struct table_ref ref, unsigned int max);
unsigned int table_get(const struct table *t, uint64_t hash, struct table_ref *out,
		       unsigned int max);
void table_prefetch(const struct table *t, uint64_t hash);
void table_remove_slot(struct table *t, uint32_t slot);
void table_free(struct table *t);

#endif /* MEDESD_TABLE_H */
