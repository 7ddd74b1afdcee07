/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be done with each page of a scan.
 */
#ifndef MEDESD_PLAN_H
#define MEDESD_PLAN_H

#include "registry.h"

enum plan_action {
	PLAN_STORE,		/* becomes a record now */
	PLAN_DEMARCATE,		/* becomes a base page now */
	PLAN_LATER,		/* is like a page that becomes a base page: scan again */
	PLAN_LEAVE,		/* stays as it is */
};

struct plan_page {
	uint64_t address;
	uint64_t hash;
	uint64_t base;		/* 0: none resembles it */
	uint32_t index;
	uint32_t mm;
	uint8_t action;
	bool huge;		/* part of a transparent huge page */
	bool strong;		/* the base page resembles it enough not to demarcate it */
	bool lonely;		/* no other sandbox has anything like it */
};

/* Zeroed: empty. */
struct plan {
	struct plan_page *pages;
	size_t n;
	size_t room;
};

/* One message's worth. */
struct plan_batch {
	uint32_t mm;
	size_t n;
	struct medes_target targets[MEDES_TARGETS_MAX];
};

int plan_add(struct plan *plan, const struct medes_page *page, const struct candidate *best,
	     unsigned int strong_share, bool lonely);
void plan_sort(struct plan *plan);
int plan_split(struct plan *plan);
size_t plan_spare_huge(struct plan *plan, unsigned int min_pages);
size_t plan_count(const struct plan *plan, enum plan_action action);
bool plan_next(const struct plan *plan, size_t *cursor, enum plan_action action,
	       struct plan_batch *out);
void plan_clear(struct plan *plan);

#endif /* MEDESD_PLAN_H */
