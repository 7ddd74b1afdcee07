/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module as tests see it: sandboxes of victims, the test base, storing and
 * bringing back whole areas, counters. Everything goes through libmedes. What
 * fails here fails the test, unless its name begins with "try".
 */
#ifndef SELFTEST_WORLD_H
#define SELFTEST_WORLD_H

#include "ops.h"
#include "pages.h"
#include "victim.h"

#define DOMAIN "test"

struct sandbox {
	uint32_t id;
	uint32_t mm;			/* of its first process */
	char name[MEDES_NAME_SIZE];
};

struct base {
	uint64_t id;
	uint32_t index[FAMILY];		/* where the family's pages are in it */
};

extern struct medes_nl nl;		/* of this process */

int world_load(void);
void world_open(void);
void world_settle(void);
void world_end(void);

/* In DOMAIN, unless said otherwise. */
void sandbox_new(struct sandbox *s, const struct victim *v);
void sandbox_new_in(struct sandbox *s, const struct victim *v, const char *domain);
int try_sandbox_new(struct sandbox *s, const struct victim *v, const char *domain);
void sandbox_del(struct sandbox *s);
/* Attach a victim; returns the address space that it brought. */
uint32_t sandbox_attach(const struct sandbox *s, const struct victim *v);
uint32_t sandbox_state(const struct sandbox *s);

/* A base of the family's pages, whose first owner is gone. */
void base_new(struct base *b);
void base_new_in(struct base *b, const char *domain);
int try_base_del(const struct base *b);
void base_del(const struct base *b);	/* when its last users have gone */

/* What to store a page of an area against; no base: against nothing. */
struct medes_target area_target(const struct area *a, size_t i, const struct base *b);

/* Store an area as its kinds deserve; returns pages stored. */
size_t dedup(const struct sandbox *s, const struct area *a, const struct base *b);
size_t dedup_mm(const struct sandbox *s, uint32_t mm, const struct area *a, const struct base *b);
/* The same without waiting and without a verdict: returns operations queued. */
size_t dedup_start(const struct sandbox *s, const struct area *a, const struct base *b,
		   uint32_t *ops, size_t max);
int try_dedup(const struct sandbox *s, const struct medes_target *targets, size_t n,
	      struct medes_op *op);
/* Bring back a sandbox, or everything; returns pages that came. */
size_t restore(const struct sandbox *s);
size_t restore_set(const struct sandbox *s);	/* its working set */
size_t restore_all(void);
/* false: the operation is not known any more */
bool op_wait(uint32_t id, struct medes_op *op);

/* Entries of a scan in an area, NULL for all; returns how many there are. */
size_t scan(const struct sandbox *s, const struct area *a, struct medes_page *pages, size_t max);

uint64_t total(int stat);
uint64_t of_sandbox(const struct sandbox *s, int stat);
uint64_t live(void);

/* Pages of the area that are neither in memory nor absent, by page tables. */
size_t away(const struct victim *v, const struct area *a);
size_t present(const struct victim *v, const struct area *a);

#define STAT(name) total(MEDES_A_STATS_##name)

#endif /* SELFTEST_WORLD_H */
