// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Places and packed entries. Pure functions.
 *
 * The domain is mixed into the hash: the kernel seeds the hashes of each domain, so they do not
 * meet anyway, and should they one day, they would still not do so here.
 *
 * Of a hash 32 bits are kept besides its place. Two different ones are taken for
 * each other once in 2^32 / 16 look-ups of a bucket, and what is found is only a hint.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include "entry.h"

#define SHARDS 64
#define BUCKETS_MAX (1U << 24)

/**
 * entry_domain() - what a domain's name adds to each of its hashes
 * @domain: the name
 */
uint64_t entry_domain(const char *domain)
{
	return XXH64(domain, strlen(domain), 0);
}

/**
 * entry_place() - where a hash belongs
 * @g: the cluster's
 * @domain: of entry_domain()
 * @hash: the hash; its upper bits may be poor, since sketches are the smallest of many
 */
struct place entry_place(const struct geometry *g, uint64_t domain, uint64_t hash)
{
	hash ^= domain;
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
	hash ^= hash >> 32;
	return (struct place){
		.shard = (hash >> 56) & (g->shards - 1),
		.bucket = (hash >> 32) & (g->buckets - 1),
		.tag = hash,
	};
}

static void put32(unsigned char *out, uint32_t value)
{
	value = htole32(value);
	memcpy(out, &value, sizeof(value));
}

static uint32_t get32(const unsigned char *in)
{
	uint32_t value;

	memcpy(&value, in, sizeof(value));
	return le32toh(value);
}

void entry_pack(const struct entry *entry, unsigned char out[ENTRY_SIZE])
{
	put32(out, entry->tag);
	put32(out + 4, entry->base);
	put32(out + 8, entry->index);
}

struct entry entry_unpack(const unsigned char in[ENTRY_SIZE])
{
	return (struct entry){
		.tag = get32(in), .base = get32(in + 4), .index = get32(in + 8),
	};
}

static char *put_hex(char *out, uint32_t value)
{
	char digits[8];
	unsigned int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	while (n)
		*out++ = digits[--n];
	return out;
}

/**
 * entry_key() - the key of a bucket
 * @out: receives "medes:CLUSTER:{SHARD}BUCKET", both in hexadecimal
 * @cluster: the cluster's name, shorter than ENTRY_CLUSTER
 * @place: shard and bucket
 *
 * Called for each hash that is looked up, hence without printf.
 *
 * Return: the key's length.
 */
size_t entry_key(char out[ENTRY_KEY], const char *cluster, const struct place *place)
{
	size_t len = strlen(cluster);
	char *at = out;

	memcpy(at, "medes:", 6);
	at += 6;
	memcpy(at, cluster, len);
	at += len;
	*at++ = ':';
	*at++ = '{';
	at = put_hex(at, place->shard);
	*at++ = '}';
	at = put_hex(at, place->bucket);
	*at = '\0';
	return at - out;
}

/**
 * entry_geometry() - shards and buckets for a number of entries
 * @entries: how many are expected; more only make the buckets longer
 */
struct geometry entry_geometry(uint64_t entries)
{
	struct geometry g = { .shards = SHARDS, .buckets = 64 };

	while (g.buckets < BUCKETS_MAX && (uint64_t)g.buckets * SHARDS * ENTRY_FILL < entries)
		g.buckets *= 2;
	return g;
}
