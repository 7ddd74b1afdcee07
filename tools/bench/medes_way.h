/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subjects as sandboxes of the module, with a registry and base pages as medesd has
 * them, but without medesd: what is timed is the module and the choice.
 */
#ifndef BENCH_MEDES_WAY_H
#define BENCH_MEDES_WAY_H

#include "choose.h"
#include "ops.h"
#include "registry.h"
#include "subject.h"

#define BENCH_DOMAIN "bench"

struct sandbox {
	struct subject *subject;
	uint32_t id;
	uint32_t mm;
	struct usage usage;
};

/* What a dedup took, part by part. */
struct dedup_cost {
	struct span whole;
	uint64_t scan_ns;
	uint64_t choose_ns;
	uint64_t store_ns;	/* of the module's worker */
	size_t scanned;
	size_t stored;
};

void medes_open(void);
void medes_close(void);

void sandbox_new(struct sandbox *s, struct subject *subject);
void sandbox_end(struct sandbox *s);

/* All pages of the subject become base pages, and come back. */
uint64_t base_of(struct sandbox *s, const char *name);
void base_end(uint64_t id);

struct dedup_cost dedup(struct sandbox *s);
/* Bring everything back; the time is the module's own. */
struct span restore(struct sandbox *s);

uint64_t total(int stat);
uint64_t deduplicated(void);


/* The two halves of a dedup, apart: pages of the image; choices, thrown away. */
size_t scan(const struct sandbox *s, struct medes_page *page);
void look_up_in(const struct registry *in, struct sandbox *s, const struct medes_page *page,
		size_t n);

#endif /* BENCH_MEDES_WAY_H */
