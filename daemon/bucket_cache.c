// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sandboxes of one function are deduplicated one after the other, and ask for much the same
 * hashes. What was read is believed for a while.
 *
 * What was read is written into a ring, one behind the other, over what is oldest; a table says where. It
 * has a few places side by side where a bucket may be told of, and a new one takes that of the oldest
 * of them. Nothing is followed from one to the next, and nothing has to be freed: each hash that is looked up
 * is looked for here, and each that was not found is put here, so that a miss of the processor's
 * cache is what counts. (A hash table with chains took two thirds of a look-up's time.)
 */
#include <stdlib.h>
#include <string.h>
#include "bucket_cache.h"

#define WAYS 4
/* What a bucket takes in the ring, on average. */
#define USUAL 192

struct told {
	uint64_t id;
	uint64_t read;			/* when */
	uint64_t at;			/* bytes that were written before it, ever */
	uint32_t len;
	bool used;
};

struct bucket_cache {
	struct told *told;
	size_t sets;			/* a power of two; 0: nothing is kept */
	unsigned char *ring;
	size_t size;			/* of it */
	uint64_t head;			/* bytes that were written, ever */
	uint64_t tail;			/* what was before this is forgotten */
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
	size_t set = WAYS * (sizeof(struct told) + USUAL);
	struct bucket_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->life = life;
	if (max_bytes < set)
		return c;
	for (c->sets = 1; 2 * c->sets * set <= max_bytes; c->sets *= 2)
		;
	c->size = max_bytes - c->sets * WAYS * sizeof(*c->told);
	/* what is not used of either is never touched */
	c->told = calloc(c->sets * WAYS, sizeof(*c->told));
	c->ring = malloc(c->size);
	if (c->told && c->ring)
		return c;
	bucket_cache_free(c);
	return NULL;
}

/* The first of the places where it may be told of. */
static struct told *set_of(const struct bucket_cache *c, uint64_t id)
{
	return &c->told[((id * 0x9e3779b97f4a7c15ULL) >> 32 & (c->sets - 1)) * WAYS];
}

/* Not forgotten, and nothing was written over it. */
static bool is_there(const struct bucket_cache *c, const struct told *t)
{
	return t->used && t->at >= c->tail && c->head - t->at <= c->size;
}

static struct told *find(const struct bucket_cache *c, uint64_t id)
{
	struct told *t = c->sets ? set_of(c, id) : NULL, *end = t ? t + WAYS : NULL;

	for (; t < end; t++)
		if (t->id == id && is_there(c, t))
			return t;
	return NULL;
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
	const struct told *t = find(c, id);

	if (!t || now - t->read > c->life)
		return false;
	*bytes = c->ring + t->at % c->size;
	*len = t->len;
	return true;
}

/**
 * bucket_cache_ahead() - a bucket is got or put soon
 * @c: the cache
 * @id: of the bucket
 */
void bucket_cache_ahead(const struct bucket_cache *c, uint64_t id)
{
	if (!c->sets)
		return;
	__builtin_prefetch(set_of(c, id));
	__builtin_prefetch(set_of(c, id) + WAYS / 2);
}

/* Where it was told of, a place that is free, or the oldest. */
static struct told *place_for(const struct bucket_cache *c, uint64_t id)
{
	struct told *t = set_of(c, id), *best = t, *end = t + WAYS;

	for (; t < end; t++) {
		if (t->used && t->id == id)
			return t;
		if (best->used && (!t->used || t->at < best->at))
			best = t;
	}
	return best;
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
	struct told *t = c->sets ? place_for(c, id) : NULL;

	if (!t)
		return;
	if (len > c->size) {
		bucket_cache_drop(c, id);
		return;
	}
	/* in one piece: what is left before the end is skipped */
	if (c->head % c->size + len > c->size)
		c->head += c->size - c->head % c->size;
	*t = (struct told){ .id = id, .read = now, .at = c->head, .len = len, .used = true };
	if (len)
		memcpy(c->ring + c->head % c->size, bytes, len);
	c->head += len;
}

void bucket_cache_drop(struct bucket_cache *c, uint64_t id)
{
	struct told *t = find(c, id);

	if (t)
		t->used = false;
}

void bucket_cache_clear(struct bucket_cache *c)
{
	c->head++;			/* also what is empty, and was put last */
	c->tail = c->head;
}

/* Of the ring; the table has some 15 % more. */
size_t bucket_cache_bytes(const struct bucket_cache *c)
{
	uint64_t written = c->head - c->tail;

	return written < c->size ? written : c->size;
}

void bucket_cache_free(struct bucket_cache *c)
{
	if (!c)
		return;
	free(c->told);
	free(c->ring);
	free(c);
}
