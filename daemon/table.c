// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open addressing with linear probing; entries of equal hashes lie on one probe
 * path and are all found by walking it to the first empty entry.
 *
 * The registry is overhead of what is saved, so an entry is 8 bytes, at a load
 * of 8/15 to 4/5; with uthash it would be some 90. What makes that possible is
 * that of a hash only 32 mixed bits are kept, which also say where it belongs. Two
 * different hashes are taken for the same once in 2^32 / entries look-ups; all
 * the registry says is a hint, so that costs next to nothing.
 *
 * Not thread-safe: it belongs to the event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include "table.h"

#define EMPTY UINT32_MAX
#define DEAD (UINT32_MAX - 1)
#define FIRST_SIZE 1024

/* The hashes are the smallest of many: their upper bits say nothing. */
static uint32_t tag_of(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	return hash >> 32;
}

static uint32_t home(const struct table *t, uint32_t tag)
{
	return (uint64_t)tag * t->size >> 32;
}

static uint32_t after(const struct table *t, uint32_t i)
{
	return i + 1 == t->size ? 0 : i + 1;
}

static void put(struct table *t, struct table_entry entry)
{
	uint32_t i = home(t, entry.tag);

	while (t->entries[i].ref < DEAD)
		i = after(t, i);
	if (t->entries[i].ref == DEAD)
		t->dead--;
	t->entries[i] = entry;
	t->live++;
}

static int rebuild(struct table *t, uint32_t size)
{
	struct table new = { .size = size };
	uint32_t i;

	new.entries = malloc(size * sizeof(*new.entries));
	if (!new.entries)
		return -ENOMEM;
	for (i = 0; i < size; i++)
		new.entries[i].ref = EMPTY;
	for (i = 0; i < t->size; i++)
		if (t->entries[i].ref < DEAD)
			put(&new, t->entries[i]);
	free(t->entries);
	*t = new;
	return 0;
}

/* Room for one more entry: at most 4/5 of the table is live or dead. */
static int make_room(struct table *t)
{
	uint64_t limit = (uint64_t)t->size * 4 / 5;

	if ((uint64_t)t->live + t->dead + 1 <= limit)
		return 0;
	if (!t->size)
		return rebuild(t, FIRST_SIZE);
	/* half of it dead: clearing them away is enough */
	if (t->live < limit / 2)
		return rebuild(t, t->size);
	if (t->size > UINT32_MAX / 2)
		return -ENOMEM;
	return rebuild(t, t->size + t->size / 2);
}

/**
 * table_add() - enter a reference under a hash
 * @t: the table
 * @hash: the hash
 * @ref: below TABLE_REF_MAX
 * @max: most references under one hash; further ones are not entered
 *
 * Return: 0 also when not entered, or -ENOMEM.
 */
int table_add(struct table *t, uint64_t hash, uint32_t ref, unsigned int max)
{
	struct table_entry entry = { .tag = tag_of(hash), .ref = ref };
	unsigned int n = 0;
	uint32_t i;
	int err;

	err = make_room(t);
	if (err)
		return err;
	for (i = home(t, entry.tag); t->entries[i].ref != EMPTY; i = after(t, i))
		if (t->entries[i].tag == entry.tag && t->entries[i].ref != DEAD && ++n >= max)
			return 0;
	put(t, entry);
	return 0;
}

/**
 * table_get() - the references of a hash
 * @t: the table
 * @hash: the hash
 * @refs: receives them
 * @max: room in @refs
 *
 * Return: how many.
 */
unsigned int table_get(const struct table *t, uint64_t hash, uint32_t *refs, unsigned int max)
{
	uint32_t tag = tag_of(hash), i;
	unsigned int n = 0;

	if (!t->size)
		return 0;
	for (i = home(t, tag); t->entries[i].ref != EMPTY && n < max; i = after(t, i))
		if (t->entries[i].tag == tag && t->entries[i].ref != DEAD)
			refs[n++] = t->entries[i].ref;
	return n;
}

/**
 * table_prefetch() - have the CPU load what a table_get() will read
 * @t: the table
 * @hash: the hash
 */
void table_prefetch(const struct table *t, uint64_t hash)
{
	if (t->size)
		__builtin_prefetch(&t->entries[home(t, tag_of(hash))]);
}

/**
 * table_remove() - remove references
 * @t: the table
 * @gone: says which
 * @arg: for @gone
 *
 * Walks the whole table, needs no memory.
 */
void table_remove(struct table *t, bool (*gone)(uint32_t ref, const void *arg), const void *arg)
{
	uint32_t i;

	for (i = 0; i < t->size; i++) {
		if (t->entries[i].ref >= DEAD || !gone(t->entries[i].ref, arg))
			continue;
		t->entries[i].ref = DEAD;
		t->live--;
		t->dead++;
	}
}

void table_free(struct table *t)
{
	free(t->entries);
	*t = (struct table){ 0 };
}
