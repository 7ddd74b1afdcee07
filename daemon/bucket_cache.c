// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sandboxes of one function are deduplicated one after the other, and ask for much the same
 * hashes. What was read is believed for a while; the oldest goes first, since a bucket that
 * is asked for again after its time is read again, and so is young.
 */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "bucket_cache.h"

struct bucket {
	uint64_t id;
	uint64_t read;			/* when */
	size_t len;
	UT_hash_handle hh;
	unsigned char bytes[];
};

struct bucket_cache {
	struct bucket *buckets;		/* oldest first, as uthash keeps them */
	size_t bytes;
	size_t max_bytes;
	uint64_t life;
};

/**
 * bucket_cache_new() - an empty cache
 * @max_bytes: what it may take; 0: nothing is kept
 * @life: how long a bucket is believed
 *
 * Return: the cache, or NULL for lack of memory.
 */
struct bucket_cache *bucket_cache_new(size_t max_bytes, uint64_t life)
{
	struct bucket_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->max_bytes = max_bytes;
	c->life = life;
	return c;
}

static size_t cost(const struct bucket *b)
{
	return sizeof(*b) + b->len + 16;
}

static void drop(struct bucket_cache *c, struct bucket *b)
{
	c->bytes -= cost(b);
	HASH_DEL(c->buckets, b);
	free(b);
}

static struct bucket *find(const struct bucket_cache *c, uint64_t id)
{
	struct bucket *b;

	HASH_FIND(hh, c->buckets, &id, sizeof(id), b);
	return b;
}

/**
 * bucket_cache_get() - what a bucket held
 * @c: the cache
 * @id: of the bucket
 * @now: the time
 * @bytes: receives its bytes, which last until the next call
 * @len: receives how many; 0: it is known to be empty
 *
 * Return: false when that is not known, or too old.
 */
bool bucket_cache_get(struct bucket_cache *c, uint64_t id, uint64_t now,
		      const unsigned char **bytes, size_t *len)
{
	struct bucket *b = find(c, id);

	if (!b || now - b->read > c->life)
		return false;
	*bytes = b->bytes;
	*len = b->len;
	return true;
}

/**
 * bucket_cache_put() - remember what a bucket holds
 * @c: the cache
 * @id: of the bucket
 * @now: the time
 * @bytes: what was read
 * @len: how much
 */
void bucket_cache_put(struct bucket_cache *c, uint64_t id, uint64_t now, const void *bytes,
		      size_t len)
{
	struct bucket *b;

	bucket_cache_drop(c, id);
	if (sizeof(*b) + len + 16 > c->max_bytes)
		return;
	b = malloc(sizeof(*b) + len);
	if (!b)
		return;
	b->id = id;
	b->read = now;
	b->len = len;
	if (len)
		memcpy(b->bytes, bytes, len);
	while (c->bytes + cost(b) > c->max_bytes)
		drop(c, c->buckets);
	c->bytes += cost(b);
	HASH_ADD(hh, c->buckets, id, sizeof(b->id), b);
}

void bucket_cache_drop(struct bucket_cache *c, uint64_t id)
{
	struct bucket *b = find(c, id);

	if (b)
		drop(c, b);
}

void bucket_cache_clear(struct bucket_cache *c)
{
	while (c->buckets)
		drop(c, c->buckets);
}

size_t bucket_cache_bytes(const struct bucket_cache *c)
{
	return c->bytes;
}

void bucket_cache_free(struct bucket_cache *c)
{
	if (!c)
		return;
	bucket_cache_clear(c);
	free(c);
}
