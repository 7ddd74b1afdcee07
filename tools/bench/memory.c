// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that the same pages take: by Medes, by zram, by KSM.
 *
 * What is measured is one more sandbox of each function, when one is there already:
 * base and target are processes of one function.
 */
#include <unistd.h>
#include "measure.h"
#include "medes_way.h"
#include "samples.h"
#include "swap.h"

#define KSM "/sys/kernel/mm/ksm/"
#define KSM_SCANS 4		/* passes after which nothing new is merged */
#define SWAP_BYTES (512UL << 20)

static void start_all(struct subject *subject, const char *dir, char **names, unsigned int n,
		      int which)
{
	char path[256];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s-%d", dir, names[i], which);
		subject_start(&subject[i], path, 0, NULL);
	}
}

static void end_all(struct subject *subject, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		subject_end(&subject[i]);
}

static size_t pages_of(const struct subject *subject, unsigned int n)
{
	size_t pages = 0;

	for (unsigned int i = 0; i < n; i++)
		pages += subject[i].image.n;
	return pages;
}

static size_t present_of(const struct subject *subject, unsigned int n)
{
	size_t pages = 0;

	for (unsigned int i = 0; i < n; i++)
		pages += subject_present(&subject[i]);
	return pages;
}

/* Bytes that are left of some pages. */
static void note(const char *way, size_t pages, uint64_t bytes)
{
	sample_set(sample("memory", way, pages, (struct span){ 0 }), "bytes", bytes);
}

static void by_zram(struct subject *subject, unsigned int n, const char *algorithm)
{
	struct swap swap;
	uint64_t empty;
	char way[32];

	snprintf(way, sizeof(way), "zram-%s", algorithm);
	swap_new(&swap, algorithm, SWAP_BYTES);
	swap_on(&swap);
	empty = swap_bytes(&swap);
	for (unsigned int i = 0; i < n; i++)
		subject_do(&subject[i], DEED_PAGE_OUT, 0);
	note(way, pages_of(subject, n),
	     present_of(subject, n) * PAGE + swap_bytes(&swap) - empty);
	for (unsigned int i = 0; i < n; i++)
		subject_do(&subject[i], DEED_POPULATE, 1);
	swap_off(&swap);
	swap_end(&swap);
}

static void ksm_settle(void)
{
	uint64_t until = read_number(KSM "full_scans", 0) + KSM_SCANS;

	while (read_number(KSM "full_scans", 0) < until)
		usleep(50000);
}

/* What merging saves, by KSM's own count; zero pages are counted apart. */
static uint64_t ksm_saved(void)
{
	return (read_number(KSM "pages_sharing", 0) + read_number(KSM "ksm_zero_pages", 0)) * PAGE;
}

static void by_ksm(struct subject *base, struct subject *target, unsigned int n)
{
	size_t pages = pages_of(target, n);
	uint64_t before;

	write_text(KSM "use_zero_pages", "1");
	write_text(KSM "smart_scan", "0");
	write_text(KSM "sleep_millisecs", "0");
	write_text(KSM "pages_to_scan", "2000");
	for (unsigned int i = 0; i < n; i++)
		subject_do(&base[i], DEED_MERGE, 0);
	write_text(KSM "run", "1");
	ksm_settle();
	before = ksm_saved();
	for (unsigned int i = 0; i < n; i++)
		subject_do(&target[i], DEED_MERGE, 0);
	ksm_settle();
	note("ksm", pages, pages * PAGE - (ksm_saved() - before));
	write_text(KSM "run", "0");
}

static void by_medes(struct subject *base, struct subject *target, char **names, unsigned int n)
{
	struct sandbox *sandbox = must_alloc(n, sizeof(*sandbox));
	uint64_t *id = must_alloc(n, sizeof(*id)), bytes;

	for (unsigned int i = 0; i < n; i++) {
		sandbox_new(&sandbox[i], &base[i]);
		id[i] = base_of(&sandbox[i], names[i]);
		sandbox_end(&sandbox[i]);
	}
	bytes = total(MEDES_A_STATS_RECORD_BYTES);
	for (unsigned int i = 0; i < n; i++) {
		sandbox_new(&sandbox[i], &target[i]);
		dedup(&sandbox[i]);
	}
	bytes = total(MEDES_A_STATS_RECORD_BYTES) - bytes;
	bytes += deduplicated() * 64;	/* struct pages */
	note("medes", pages_of(target, n), present_of(target, n) * PAGE + bytes);
	for (unsigned int i = 0; i < n; i++) {
		restore(&sandbox[i]);
		sandbox_end(&sandbox[i]);
	}
	/* each may have referred to any base */
	for (unsigned int i = 0; i < n; i++)
		base_end(id[i]);
	free(id);
	free(sandbox);
}

/**
 * memory_main() - what the images of some functions take
 * @dir: of the images
 * @names: of functions
 * @n: of them
 */
void memory_main(const char *dir, char **names, unsigned int n)
{
	struct subject *base = must_alloc(n, sizeof(*base));
	struct subject *target = must_alloc(n, sizeof(*target));

	medes_open();
	samples_round("all", 0);
	start_all(base, dir, names, n, 1);
	start_all(target, dir, names, n, 2);
	by_medes(base, target, names, n);
	by_zram(target, n, "lz4");
	by_zram(target, n, "zstd");
	by_ksm(base, target, n);
	end_all(target, n);
	end_all(base, n);
	medes_close();
	free(target);
	free(base);
}
