/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fingerprint registry: which base pages resemble a page.
 *
 * What it says is a hint. A wrong or stale answer costs a page that is stored
 * worse than it could be; the kernel verifies everything.
 */
#ifndef MEDESD_REGISTRY_H
#define MEDESD_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "medes.h"

/* Candidates for one page that are told at most. */
#define REGISTRY_CANDIDATES 16

/* Upper bound of registry_new()'s max_pages. */
#define REGISTRY_PAGES_MAX 64

struct candidate {
	uint64_t base;
	uint32_t index;
	unsigned int shared;		/* sketch hashes in common */
	bool equal;			/* the hash of the whole page is the same */
	bool remote;			/* on other nodes */
};

struct candidates {
	unsigned int n;
	struct candidate v[REGISTRY_CANDIDATES];
};

struct registry_stats {
	size_t domains;
	size_t bases;
	size_t pages;
	size_t entries;
	size_t bytes;
};

struct registry;

struct registry *registry_new(unsigned int max_pages);
void registry_free(struct registry *r);
int registry_add(struct registry *r, const char *domain, uint64_t base,
		 const struct medes_base_page *pages, size_t n);
bool registry_has(const struct registry *r, uint64_t base, uint32_t *pages, uint32_t *next);
void registry_mark_remote(struct registry *r, uint64_t base);
uint64_t registry_digest(const struct registry *r, uint64_t base);
void registry_remove(struct registry *r, uint64_t base);
void registry_keep(struct registry *r, bool (*wanted)(uint64_t base, void *arg), void *arg);
void registry_lookup(const struct registry *r, const char *domain, const struct medes_page *pages,
		     size_t n, struct candidates *out);
void registry_stats(const struct registry *r, struct registry_stats *out);

#endif /* MEDESD_REGISTRY_H */
