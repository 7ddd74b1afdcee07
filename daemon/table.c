// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open addressing with linear probing; entries of equal hashes lie on one probe
 * path and are all found by walking it to the first empty entry.
 *
 * Why not uthash: an entry there costs some 90 bytes (handle, bucket, malloc),
 * here 16 at a load of 3/8 to 3/4. A base page has nine entries, so that is the
 * difference between a registry of 5-9 % and of 20 % of its bases.
 *
 * The hashes are the smallest of many, so their upper bits say nothing; a
 * multiplication spreads them. Not thread-safe: it belongs to the event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include "table.h"

#define EMPTY UINT32_MAX
#define DEAD (UINT32_MAX - 1)
#define FIRST_BITS 10

static size_t mask(const struct table *t)
{
	return ((size_t)1 << t->bits) - 1;
}

static size_t home(const struct table *t, uint64_t hash)
{
	return (hash * 0x9e3779b97f4a7c15ULL) >> (64 - t->bits);
}

static void put(struct table *t, const struct table_entry *entry)
{
	size_t i = home(t, entry->hash);

	while (t->entries[i].ref.slot < DEAD)
		i = (i + 1) & mask(t);
	if (t->entries[i].ref.slot == DEAD)
		t->dead--;
	t->entries[i] = *entry;
	t->live++;
}

static int rebuild(struct table *t, unsigned int bits)
{
	struct table new = { .bits = bits };
	size_t i;

	new.entries = malloc(sizeof(*new.entries) << bits);
	if (!new.entries)
		return -ENOMEM;
	for (i = 0; i <= mask(&new); i++)
		new.entries[i].ref.slot = EMPTY;
	for (i = 0; t->bits && i <= mask(t); i++)
		if (t->entries[i].ref.slot < DEAD)
			put(&new, &t->entries[i]);
	free(t->entries);
	*t = new;
	return 0;
}

/* Room for one more entry: at most 3/4 of the table is live or dead. */
static int make_room(struct table *t)
{
	unsigned int bits = t->bits ? t->bits : FIRST_BITS;

	if (t->bits && (t->live + t->dead + 1) * 4 <= (mask(t) + 1) * 3)
		return 0;
	if ((t->live + 1) * 8 > ((size_t)3 << bits))
		bits++;
	return rebuild(t, bits);
}

/**
 * table_add() - enter a base page under a hash
 * @t: the table
 * @hash: the hash
 * @ref: the base page
 * @max: most pages under one hash; further ones are not entered
 *
 * Return: 0 also when not entered, or -ENOMEM.
 */
int table_add(struct table *t, uint64_t hash, struct table_ref ref, unsigned int max)
{
	struct table_entry entry = { .hash = hash, .ref = ref };
	unsigned int n = 0;
	size_t i;
	int err;

	err = make_room(t);
	if (err)
		return err;
	for (i = home(t, hash); t->entries[i].ref.slot != EMPTY; i = (i + 1) & mask(t))
		if (t->entries[i].hash == hash && t->entries[i].ref.slot != DEAD && ++n >= max)
			return 0;
	put(t, &entry);
	return 0;
}

/**
 * table_get() - the base pages of a hash
 * @t: the table
 * @hash: the hash
 * @out: receives them
 * @max: room in @out
 *
 * Return: how many.
 */
unsigned int table_get(const struct table *t, uint64_t hash, struct table_ref *out,
		       unsigned int max)
{
	unsigned int n = 0;
	size_t i;

	if (!t->bits)
		return 0;
	for (i = home(t, hash); t->entries[i].ref.slot != EMPTY && n < max; i = (i + 1) & mask(t))
		if (t->entries[i].hash == hash && t->entries[i].ref.slot != DEAD)
			out[n++] = t->entries[i].ref;
	return n;
}

/**
 * table_prefetch() - have the CPU load what a table_get() will read
 * @t: the table
 * @hash: the hash
 */
void table_prefetch(const struct table *t, uint64_t hash)
{
	if (t->bits)
		__builtin_prefetch(&t->entries[home(t, hash)]);
}

/**
 * table_remove_slot() - remove all pages of one base
 * @t: the table
 * @slot: the base's number
 *
 * Walks the whole table, needs no memory.
 */
void table_remove_slot(struct table *t, uint32_t slot)
{
	size_t i;

	for (i = 0; t->bits && i <= mask(t); i++) {
		if (t->entries[i].ref.slot != slot)
			continue;
		t->entries[i].ref.slot = DEAD;
		t->live--;
		t->dead++;
	}
}

void table_free(struct table *t)
{
	free(t->entries);
	*t = (struct table){ 0 };
}
