/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of medes-codec-bench share.
 */
#ifndef MEDES_BENCH_H
#define MEDES_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "pure.h"
#include "codec.h"
#include "fingerprint.h"

/* Pages of one or more files, one behind the other. */
struct corpus {
	u8 *pages;
	size_t n;
};

void corpus_load(struct corpus *corpus, const char *path);
void corpus_free(struct corpus *corpus);

static inline const u8 *corpus_page(const struct corpus *corpus, size_t i)
{
	return corpus->pages + i * MEDES_PAGE_SIZE;
}

/* A base page that resembles a page, by its place in the corpus of bases. */
#define NO_BASE SIZE_MAX

struct index;

struct index *index_new(size_t pages);
void index_free(struct index *index);
void index_add(struct index *index, u64 hash, const u64 sketch[MEDES_SKETCH], size_t page);
size_t index_choose(struct index *index, u64 hash, const u64 sketch[MEDES_SKETCH], size_t last);
double index_entries_per_page(const struct index *index);

/* Nanoseconds of some pages. */
struct times {
	double mean;
	double p99;
};

/* What all pages of the target come to, bytes. */
struct result {
	size_t pages;
	u64 exact;
	u64 lz4;
	u64 zstd;
	u64 zstd_net;			/* in zsmalloc's classes, as zram keeps them */
	u64 paper;
	u64 ours;
	u64 ours_net;
	u64 oracle;			/* of the pages sampled, likewise */
	u64 oracle_ours;
	size_t oracle_pages;
	size_t count[MEDES_ENCODING_MAX + 2];	/* the last: stay */
	u64 bytes[MEDES_ENCODING_MAX + 2];
	double entries_per_page;
	struct times scan, choose, encode, decode;
	struct times lz4_encode, lz4_decode, zstd_encode, zstd_decode;
};

struct options {
	enum medes_mode mode;
	bool json;
	unsigned int oracle;		/* pages to sample */
	unsigned int sandboxes;
	unsigned int runs;
};

/* How one page was encoded. */
struct coded {
	u8 encoding;			/* MEDES_ENCODING_MAX + 1: stays */
	u16 len;
	size_t base;
	u8 reach;
	u8 data[MEDES_PATCH_MAX];
};

#define STAYS (MEDES_ENCODING_MAX + 1)

/* What stands in page tables for a page that is away. */
#define STRUCT_PAGE 64

/* What the module keeps of each page besides that and its encoded bytes. */
#define RECORD_HEAD 40	/* kmod/record.h, in its slab cache */

/* What it keeps of a base page besides its bytes: kmod/base.h. */
#define BASE_SLOT 28

struct coder;

struct coder *coder_new(enum medes_mode mode);
void coder_free(struct coder *coder);
void coder_learn(struct coder *coder, u32 (*seen)[MEDES_GUESS_COUNTS][2]);
void coder_encode(struct coder *coder, const u8 *page, const struct corpus *bases, size_t base,
		  struct coded *coded);
struct coded *choose_and_encode(struct coder *coder, const struct options *options,
				const struct corpus *bases, const struct corpus *target);

void run_ours(struct result *result, const struct options *options, const struct corpus *bases,
	      const struct corpus *target);
void run_rivals(struct result *result, const struct options *options, const struct corpus *target);
void run_paper(struct result *result, const struct corpus *bases, const struct corpus *target);
void run_curve(const struct options *options, const struct corpus *files, unsigned int n);
u64 net_bytes(const struct coded *coded);
u64 class_bytes(u64 len);
void report_text(const struct result *result, const struct options *options);
void report_json(const struct result *result, const struct options *options);

static inline u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Mean and 99th percentile; sorts what it is given. */
struct times times_of(u64 *ns, size_t n);
/* The least of several runs, page by page. */
static inline void keep_least(u64 *least, u64 ns)
{
	if (!*least || ns < *least)
		*least = ns;
}

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *must(void *memory);

#endif /* MEDES_BENCH_H */
