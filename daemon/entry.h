/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The form in which the cluster's registry holds what it knows of a hash.
 *
 * A hash belongs to a bucket, a bucket to a shard. A bucket is one key, whose value is a row
 * of entries of twelve bytes; that is what the same knowledge costs least in, since a key
 * of its own for each hash would take some seventy. The shard stands in the key's hash tag,
 * so that whatever is asked of one shard goes to one server in one command.
 */
#ifndef MEDESD_ENTRY_H
#define MEDESD_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#define ENTRY_SIZE 12

/* Longest name of a cluster. */
#define ENTRY_CLUSTER 32

/* Longest key of a bucket, with its end. */
#define ENTRY_KEY (ENTRY_CLUSTER + 32)

/* Entries of a bucket that is as full as was planned. */
#define ENTRY_FILL 16

#define ENTRY_SHARDS_MAX 256

/* Both are powers of two, the same for all nodes of a cluster. */
struct geometry {
	uint32_t shards;
	uint32_t buckets;		/* of each shard */
};

/* Where a hash belongs, and what is kept of it there. */
struct place {
	uint32_t shard;
	uint32_t bucket;
	uint32_t tag;
};

/* A base page that has the hash. */
struct entry {
	uint32_t tag;
	uint32_t base;			/* its number in the directory of bases */
	uint32_t index;
};

uint64_t entry_domain(const char *domain);
struct place entry_place(const struct geometry *g, uint64_t domain, uint64_t hash);
void entry_pack(const struct entry *entry, unsigned char out[ENTRY_SIZE]);
struct entry entry_unpack(const unsigned char in[ENTRY_SIZE]);
size_t entry_key(char out[ENTRY_KEY], const char *cluster, const struct place *place);
struct geometry entry_geometry(uint64_t entries);

#endif /* MEDESD_ENTRY_H */
