// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How costs grow: dedup with the pages touched since the last round, with the number
 * of sandboxes, and the look-up with the number of bases in the registry.
 */
#include "measure.h"
#include "medes_way.h"
#include "samples.h"

#define AROUND "/sys/kernel/medes/fault_around_pages"
#define TOUCHED_PAGES 1024
#define SANDBOXES 50
#define SANDBOX_PAGES 128
#define MANY_BASES 10000
#define BASE_PAGES 16		/* of each of those, in the registry */

static uint64_t base_from(const char *dir, const char *name)
{
	struct subject subject;
	struct sandbox sandbox;
	char path[256];
	uint64_t id;

	snprintf(path, sizeof(path), "%s/%s-1", dir, name);
	subject_start(&subject, path, 0, NULL);
	sandbox_new(&sandbox, &subject);
	id = base_of(&sandbox, name);
	sandbox_end(&sandbox);
	subject_end(&subject);
	return id;
}

/* Write to some share of the pages, and deduplicate again. */
static void touched(struct subject *subject, struct sandbox *sandbox, unsigned int percent,
		    unsigned int round)
{
	size_t n = subject->image.n * percent / 100;
	struct dedup_cost cost;
	json_t *s;

	for (size_t i = 0; i < subject->image.n; i++)
		subject->shared->order[i] = i;
	shuffle(subject->shared->order, subject->image.n, round * 100 + percent);
	subject_do(subject, DEED_WRITE, n ? n : 1);
	cost = dedup(sandbox);
	samples_round("vanilla", round);
	s = sample("again", "medes", cost.scanned, cost.whole);
	sample_set(s, "percent", percent);
	sample_set(s, "scan", cost.scan_ns);
}

static void by_touched(const char *dir, const char *name, unsigned int rounds)
{
	static const unsigned int percent[] = { 1, 10, 100 };
	struct subject subject;
	struct sandbox sandbox;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s-2", dir, name);
	subject_start(&subject, path, TOUCHED_PAGES, NULL);
	sandbox_new(&sandbox, &subject);
	dedup(&sandbox);
	write_text(AROUND, "1");
	for (unsigned int i = 0; i < rounds; i++)
		for (unsigned int k = 0; k < 3; k++)
			touched(&subject, &sandbox, percent[k], i);
	write_text(AROUND, "16");
	restore(&sandbox);
	sandbox_end(&sandbox);
	subject_end(&subject);
}

/* All of some sandboxes out, one touched at random, all back. */
static void some(struct subject *subject, struct sandbox *sandbox, unsigned int n,
		 unsigned int round)
{
	struct span out = { 0 }, back = { 0 }, in;
	size_t pages = 0, stored = 0, touches;
	uint64_t bytes;
	json_t *s;

	samples_round("vanilla", round);
	for (unsigned int i = 0; i < n; i++) {
		struct dedup_cost cost = dedup(&sandbox[i]);

		out.ns += cost.whole.ns;
		out.cpu += cost.whole.cpu;
		pages += cost.scanned;
		stored += cost.stored;
	}
	bytes = total(MEDES_A_STATS_RECORD_BYTES);
	touches = subject[n / 2].image.n / 4;
	for (size_t i = 0; i < subject[n / 2].image.n; i++)
		subject[n / 2].shared->order[i] = i;
	shuffle(subject[n / 2].shared->order, subject[n / 2].image.n, round);
	in = subject_do(&subject[n / 2], DEED_TOUCH, touches);
	for (unsigned int i = 0; i < n; i++) {
		struct span took = restore(&sandbox[i]);

		back.ns += took.ns;
		back.cpu += took.cpu;
	}
	s = sample("sandboxes-out", "medes", pages, out);
	sample_set(s, "sandboxes", n);
	sample_set(s, "bytes", bytes);
	sample_set(sample("sandboxes-in", "medes", touches, in), "sandboxes", n);
	sample_set(sample("sandboxes-bulk", "medes", stored, back), "sandboxes", n);
}

static void by_sandboxes(const char *dir, const char *name, unsigned int rounds)
{
	static const unsigned int many[] = { 1, 10, SANDBOXES };
	struct subject *subject = must_alloc(SANDBOXES, sizeof(*subject));
	struct sandbox *sandbox = must_alloc(SANDBOXES, sizeof(*sandbox));
	char path[256];

	snprintf(path, sizeof(path), "%s/%s-2", dir, name);
	for (unsigned int i = 0; i < SANDBOXES; i++) {
		subject_start(&subject[i], path, SANDBOX_PAGES, NULL);
		sandbox_new(&sandbox[i], &subject[i]);
	}
	for (unsigned int i = 0; i < rounds; i++)
		for (unsigned int k = 0; k < 3; k++)
			/* the more there are, the fewer rounds tell as much */
			if (many[k] < SANDBOXES || i % 5 == 0)
				some(subject, sandbox, many[k], i);
	for (unsigned int i = 0; i < SANDBOXES; i++) {
		sandbox_end(&sandbox[i]);
		subject_end(&subject[i]);
	}
	free(sandbox);
	free(subject);
}

/*
 * The registry with more and more bases: real sketches of one base, each copy with most of
 * its hashes changed, so that it holds new entries and shares a few.
 */
static void by_bases(const char *dir, const char *name, unsigned int rounds)
{
	struct registry *registry = registry_new(16);
	struct medes_base_page page[BASE_PAGES];
	struct medes_page *scanned;
	struct registry_stats stats;
	struct subject subject;
	struct sandbox sandbox;
	uint64_t seed = 1;
	unsigned int bases = 0;
	char path[256];
	size_t n;

	if (!registry)
		die("no memory for a registry");
	snprintf(path, sizeof(path), "%s/%s-2", dir, name);
	subject_start(&subject, path, 0, NULL);
	sandbox_new(&sandbox, &subject);
	scanned = must_alloc(subject.image.n, sizeof(*scanned));
	n = scan(&sandbox, scanned);
	for (unsigned int many = 10; many <= MANY_BASES; many *= 10) {
		for (; bases < many; bases++) {
			for (unsigned int i = 0; i < BASE_PAGES; i++) {
				const struct medes_page *like = &scanned[random_next(&seed) % n];

				page[i] = (struct medes_base_page){ .index = i };
				page[i].hash = random_next(&seed);
				for (unsigned int k = 0; k < MEDES_SKETCH; k++)
					page[i].sketch[k] = random_next(&seed) % 8 ? random_next(&seed) :
							    like->sketch[k];
			}
			if (registry_add(registry, BENCH_DOMAIN, bases + 1, page, BASE_PAGES))
				die("no memory for %u bases", many);
		}
		registry_stats(registry, &stats);
		for (unsigned int i = 0; i < rounds; i++) {
			struct span took = span_begin();
			json_t *s;

			look_up_in(registry, &sandbox, scanned, n);
			took = span_end(took);
			samples_round(name, i);
			s = sample("look-up", "medes", n, took);
			sample_set(s, "bases", many);
			sample_set(s, "registry_pages", stats.pages);
			sample_set(s, "registry_bytes", stats.bytes);
		}
	}
	free(scanned);
	sandbox_end(&sandbox);
	subject_end(&subject);
	registry_free(registry);
}

/**
 * scaling_main() - how costs grow
 * @dir: of the images
 * @rounds: of each
 * @name: of the function
 */
void scaling_main(const char *dir, unsigned int rounds, const char *name)
{
	uint64_t base;

	medes_open();
	base = base_from(dir, name);
	by_touched(dir, name, rounds);
	by_sandboxes(dir, name, rounds);
	base_end(base);
	medes_close();
}

/**
 * registry_main() - how look-ups grow
 * @dir: of the images
 * @rounds: of each size
 * @name: of the function
 */
void registry_main(const char *dir, unsigned int rounds, const char *name)
{
	medes_open();
	by_bases(dir, name, rounds);
	medes_close();
}
