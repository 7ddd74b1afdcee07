// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages out and in, by Medes and by zram, the same pages each time.
 *
 * A round takes one image through all ways, side by side: all pages go out, then some
 * are touched, or all are brought back at once. What is timed is on the list of orders
 * below. The ways take turns in going first.
 */
#include <sys/stat.h>
#include <unistd.h>
#include "medes_way.h"
#include "measure.h"
#include "samples.h"
#include "swap.h"
#include "trace.h"

#define PAGES_MAX 768		/* of an image, so that a round stays short */
#define ALONE_MAX 192
#define SWAP_BYTES (256UL << 20)
#define AROUND "/sys/kernel/medes/fault_around_pages"
#define RESTORING "/sys/kernel/medes/max_restoring_pages"
#define RESTORE_BATCH 16	/* pages that one worker of a restore has in hand */
#define THREADS_MAX 2		/* of a bulk restore, and as many touch pages of zram */
#define CGROUP "/sys/fs/cgroup/medes-bench-%s"

/* An image in its process, with a base from another process of the function. */
struct target {
	const char *name;
	char cgroup[64];
	struct subject subject;
	struct sandbox sandbox;
	uint64_t base;
	encoding_name *encoding;
	uint32_t *stored;	/* pages that Medes stores, ascending */
	size_t n_stored;
	uint64_t sum;
};

/* Which pages are touched, in which order. */
enum order {
	ORDER_ALONE,		/* at random, with fault-around off */
	ORDER_SEQUENTIAL,	/* all, ascending */
	ORDER_REQUEST,		/* as a request touched them first */
	ORDER_SHUFFLED,		/* all, at random */
	ORDER_SPARSE,		/* an eighth of all, at random */
	ORDERS,
};

static const char *const order_name[] = {
	[ORDER_ALONE] = "alone",
	[ORDER_SEQUENTIAL] = "sequential",
	[ORDER_REQUEST] = "request",
	[ORDER_SHUFFLED] = "shuffled",
	[ORDER_SPARSE] = "sparse",
};

static const char *const bulk_name[THREADS_MAX + 1] = { [1] = "bulk", [2] = "bulk2" };

static struct swap lz4, zstd;

static size_t write_order(struct target *t, enum order order, uint64_t seed)
{
	uint32_t *out = t->subject.shared->order;
	size_t n = 0;

	if (order == ORDER_REQUEST) {
		for (size_t i = 0; i < t->subject.image.n_touches; i++)
			if (*t->encoding[t->subject.image.touches[i]])
				out[n++] = t->subject.image.touches[i];
		return n;
	}
	memcpy(out, t->stored, t->n_stored * sizeof(*out));
	n = t->n_stored;
	if (order == ORDER_SEQUENTIAL)
		return n;
	shuffle(out, n, seed);
	if (order == ORDER_SPARSE)
		n /= 8;
	if (order == ORDER_ALONE && n > ALONE_MAX)
		n = ALONE_MAX;
	return n;
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

/* Median time of those touches whose page has this encoding, or of all. */
static void by_encoding(struct target *t, const char *way, const char *encoding, size_t n)
{
	const struct shared *shared = t->subject.shared;
	uint32_t *ns = must_alloc(n, sizeof(*ns));
	struct span took = { 0 };
	size_t count = 0;
	json_t *s;

	for (size_t i = 0; i < n; i++)
		if (!encoding || !strcmp(t->encoding[shared->order[i]], encoding))
			ns[count++] = shared->ns[i];
	if (count >= 4) {
		qsort(ns, count, sizeof(*ns), compare);
		took.ns = ns[count / 2];
		s = sample("touch", way, 1, took);
		sample_text(s, "encoding", encoding ? encoding : "all");
		sample_set(s, "touches", count);
	}
	free(ns);
}

/* Touch some pages of those that are away. */
static void touch(struct target *t, const char *way, enum order order, uint64_t seed)
{
	size_t n = write_order(t, order, seed), before = subject_present(&t->subject), back;
	struct span took;
	json_t *s;

	if (!n)
		return;
	took = subject_do(&t->subject, DEED_TOUCH, n);
	back = subject_present(&t->subject) - before;
	s = sample("in", way, n, took);
	sample_text(s, "order", order_name[order]);
	sample_set(s, "brought", back);
	sample_set(s, "unused", back > n ? back - n : 0);
	if (order != ORDER_ALONE)
		return;
	by_encoding(t, way, NULL, n);
	by_encoding(t, way, "same", n);
	by_encoding(t, way, "words", n);
	by_encoding(t, way, "self", n);
	by_encoding(t, way, "dict", n);
	by_encoding(t, way, "zero", n);
}

static void medes_out(struct target *t, bool keep)
{
	struct dedup_cost cost = dedup(&t->sandbox);
	json_t *s;

	if (!keep)
		return;
	s = sample("out", "medes", cost.scanned, cost.whole);
	sample_set(s, "stored", cost.stored);
	sample_set(s, "scan", cost.scan_ns);
	sample_set(s, "choose", cost.choose_ns);
	sample_set(s, "store", cost.store_ns);
}

static void medes_round(struct target *t, uint64_t seed)
{
	uint64_t restoring = read_number(RESTORING, 0);
	struct span took;

	for (enum order order = 0; order < ORDERS; order++) {
		medes_out(t, true);
		write_text(AROUND, order == ORDER_ALONE ? "1" : "16");
		touch(t, "medes", order, seed + order);
		restore(&t->sandbox);
	}
	for (unsigned int threads = 1; threads <= THREADS_MAX; threads++) {
		medes_out(t, true);
		write_text(RESTORING, "%u", threads * RESTORE_BATCH);
		took = restore(&t->sandbox);
		write_text(RESTORING, "%llu", (unsigned long long)restoring);
		sample(bulk_name[threads], "medes", t->n_stored, took);
	}
}

static void zram_out(struct target *t, const char *way)
{
	size_t before = subject_present(&t->subject);
	struct span took = subject_do(&t->subject, DEED_PAGE_OUT, 0);
	size_t after = subject_present(&t->subject);

	sample("out", way, before - after, took);
}

/* Reclaim from outside, through the cgroup. */
static void zram_reclaim(struct target *t, const char *way)
{
	size_t before = subject_present(&t->subject), after;
	char path[96];
	struct span took;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.reclaim", t->cgroup);
	f = fopen(path, "we");
	if (!f)
		return;
	took = span_begin();
	fprintf(f, "%zu swappiness=max", t->subject.image.n * PAGE);
	fclose(f);	/* EAGAIN when it got less than that: what it got counts */
	took = span_end(took);
	after = subject_present(&t->subject);
	if (before > after)
		sample("reclaim", way, before - after, took);
}

static void zram_round(struct target *t, const struct swap *swap, const char *way, bool all,
		       uint64_t seed)
{
	size_t away;
	struct span took;

	swap_on(swap);
	for (enum order order = 0; order < ORDERS; order++) {
		if (!all && order != ORDER_ALONE)
			continue;
		zram_out(t, way);
		touch(t, way, order, seed + order);
		subject_do(&t->subject, DEED_POPULATE, 1);
	}
	for (unsigned int threads = 1; threads <= THREADS_MAX; threads++) {
		if (threads == 2)
			zram_reclaim(t, way);
		else
			zram_out(t, way);
		away = t->subject.image.n - subject_present(&t->subject);
		if (!away)
			continue;
		took = subject_do(&t->subject, DEED_POPULATE, threads);
		sample(bulk_name[threads], way, away, took);
	}
	swap_off(swap);
}

static void minor_round(struct target *t)
{
	struct span took = subject_do(&t->subject, DEED_MINOR, 1024);

	sample("in", "minor", 1024, took);
	memset(t->subject.shared->order, 0, 1024 * sizeof(uint32_t));
	by_encoding(t, "minor", NULL, 1024);
}

static void one_round(struct target *t, unsigned int round)
{
	uint64_t seed = round * 1000;

	samples_round(t->name, round);
	if (round % 2)
		medes_round(t, seed);
	zram_round(t, &lz4, "zram-lz4", true, seed);
	if (!(round % 2))
		medes_round(t, seed);
	zram_round(t, &zstd, "zram-zstd", false, seed);
	minor_round(t);
	subject_do(&t->subject, DEED_SUM, 0);
	if (t->subject.shared->sum != t->sum)
		die("%s: bytes changed on their way out and in", t->name);
}

static void make_base(struct target *t, const char *dir)
{
	struct subject subject;
	struct sandbox sandbox;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s-1", dir, t->name);
	subject_start(&subject, path, 0, NULL);
	sandbox_new(&sandbox, &subject);
	t->base = base_of(&sandbox, t->name);
	sandbox_end(&sandbox);
	subject_end(&subject);
}

static void prepare(struct target *t, const char *dir, const char *name)
{
	char path[256];

	t->name = name;
	make_base(t, dir);
	snprintf(t->cgroup, sizeof(t->cgroup), CGROUP, name);
	if (mkdir(t->cgroup, 0755))
		die("%s: %s", t->cgroup, strerror(errno));
	snprintf(path, sizeof(path), "%s/%s-2", dir, name);
	subject_start(&t->subject, path, PAGES_MAX, t->cgroup);
	sandbox_new(&t->sandbox, &t->subject);
	subject_do(&t->subject, DEED_SUM, 0);
	t->sum = t->subject.shared->sum;

	trace_clear();
	dedup(&t->sandbox);
	t->encoding = trace_encodings(&t->subject, t->sandbox.id);
	restore(&t->sandbox);
	t->stored = must_alloc(t->subject.image.n, sizeof(*t->stored));
	for (size_t i = 0; i < t->subject.image.n; i++)
		if (*t->encoding[i])
			t->stored[t->n_stored++] = i;
	fprintf(stderr, "%s: %zu pages of %zu are stored, a request touches %zu\n", name,
		t->n_stored, t->subject.image.n, t->subject.image.n_touches);
}

static void finish(struct target *t)
{
	sandbox_end(&t->sandbox);
	subject_end(&t->subject);
	rmdir(t->cgroup);
	base_end(t->base);
	free(t->encoding);
	free(t->stored);
}

/**
 * pages_main() - measure pages out and in
 * @dir: of the images
 * @rounds: how many, dealt out to the images in turn
 * @names: of functions
 * @n: of them
 */
void pages_main(const char *dir, unsigned int rounds, char **names, unsigned int n)
{
	struct target *target = must_alloc(n, sizeof(*target));

	medes_open();
	swap_new(&lz4, "lz4", SWAP_BYTES);
	swap_new(&zstd, "zstd", SWAP_BYTES);
	trace_begin();
	for (unsigned int i = 0; i < n; i++)
		prepare(&target[i], dir, names[i]);
	trace_end();
	for (unsigned int i = 0; i < rounds; i++)
		one_round(&target[i % n], i);
	for (unsigned int i = 0; i < n; i++)
		finish(&target[i]);
	swap_end(&zstd);
	swap_end(&lz4);
	medes_close();
	free(target);
}
