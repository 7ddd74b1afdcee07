// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast a cluster's registry answers, and what it takes: the hashes of a sandbox of 100 MB
 * (125,000 of them, after pages that its node has) are looked up on one and on three primaries on
 * this machine, beside valkey-benchmark's MGET of keys with values of the same
 * size, as many in a command and as many commands in flight. Both take turns; of each, the
 * middle one of the rounds counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mget.h"
#include "pages.h"
#include "remote.h"
#include "scan.h"
#include "search.h"
#include "slots.h"
#include "valkeys.h"

#define BASES 4
#define BASE_PAGES 28000		/* in all some 1 M hashes */
#define HASHES 125000
#define PAGES (HASHES / (MEDES_SKETCH + 1))
#define ROUNDS 5
#define LOOK_UPS 30			/* in a round: by us, and as many keys by valkey-benchmark */
#define SHARDS 64

static struct event_base *events;
static struct medes_base_page *base_pages;
static struct medes_page *pages;

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void turn(void)
{
	event_base_loop(events, EVLOOP_ONCE);
}

static struct engine *open_node(struct valkeys *servers, const char *node)
{
	const struct remote_settings settings = {
		.valkey = { .servers = servers->servers, .user = "", .password = "", .ca = "",
			    .cert = "", .key = "", .name = "", .timeout = 5000 },
		.cluster = "bench", .node = node, .max_pages = 16,
		.entries = BASES * BASE_PAGES * (MEDES_SKETCH + 1), .poll = 20,
		.import_after = 1,
	};
	char error[256];
	struct engine *e = remote_new(events, &settings, error, sizeof(error));

	if (e)
		return e;
	fprintf(stderr, "%s\n", error);
	exit(1);
}

static struct remote *of(struct engine *e)
{
	return (struct remote *)e;
}

static double memory(struct valkeys *servers)
{
	return servers_say(servers, "used_memory_dataset:");
}

static double enter(struct engine *e)
{
	struct engine_base base = { .generation = 1, .domain = "d" };
	uint64_t start;
	size_t i;

	while (!of(e)->version[0] || !of(e)->geometry.shards)
		turn();
	start = valkey_now();
	for (i = 0; i < BASES; i++) {
		base.id = i + 1;
		engine_share(e, &base, true);
		engine_add(e, &base, base_pages + i * BASE_PAGES, BASE_PAGES);
		while (!TAILQ_EMPTY(&of(e)->batches))
			turn();
	}
	return (valkey_now() - start) / 1e6;
}

static size_t hits;

static int on_found(const struct medes_page *p, size_t n, const struct candidates *found,
		    void *arg)
{
	size_t i;

	(void)p, (void)arg;
	for (i = 0; i < n; i++)
		hits += found[i].n > 0;
	return 0;
}

static void on_turn(void *arg)
{
	(void)arg;
}

/*
 * As a job does it: many batches on their way, but not too many; the scan has turns of its own.
 * Several sandboxes are one after another, and the next begins while the last one's answers still
 * come, as valkey-benchmark does with its commands.
 */
static double look_up(struct engine *e, unsigned int sandboxes)
{
	struct search s = { .found = on_found, .turn = on_turn };
	double start = valkey_now();
	size_t at, n;

	search_init(&s, e, "d");
	for (at = 0; sandboxes; at += n) {
		n = PAGES - at < SCAN_BATCH ? PAGES - at : SCAN_BATCH;
		search_ask(&s, pages + at, n);
		event_base_loop(events, EVLOOP_NONBLOCK);
		while (s.n >= SEARCH_MAX)
			turn();
		if (at + n == PAGES) {
			at = n = 0;
			sandboxes--;
		}
	}
	while (s.n)
		turn();
	return (valkey_now() - start) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The middle one. */
static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return v[ROUNDS / 2];
}

/* What both take; each number is one round's. */
struct taken {
	double alone[ROUNDS];		/* seconds, for one sandbox by itself */
	double rate[ROUNDS], here[ROUNDS], servers[ROUNDS];
	double mget[ROUNDS], mget_servers[ROUNDS];
	double share[ROUNDS];
};

static bool take_turns(struct engine *e, struct valkeys *servers, const struct mget *like,
		       struct taken *t)
{
	double cpu, theirs;
	unsigned int i;

	mget_fill(servers, like);
	for (i = 0; i < ROUNDS; i++) {
		t->alone[i] = look_up(e, 1);
		cpu = cpu_seconds();
		theirs = servers_cpu(servers);
		t->rate[i] = LOOK_UPS * (double)HASHES / look_up(e, LOOK_UPS);
		t->here[i] = (cpu_seconds() - cpu) / LOOK_UPS;
		t->servers[i] = (servers_cpu(servers) - theirs) / LOOK_UPS;
		t->mget[i] = mget(servers, like, &t->mget_servers[i]);
		t->mget_servers[i] /= LOOK_UPS;
		if (!t->mget[i])
			return false;
		t->share[i] = t->rate[i] / t->mget[i];
	}
	return true;
}

static void print_taken(struct taken *t)
{
	qsort(t->share, ROUNDS, sizeof(*t->share), by_value);
	printf("  look up:   %.2f million hashes/s; CPU %.0f ms here, %.0f ms of the servers for %u; one sandbox alone %.0f ms\n",
	       median(t->rate) / 1e6, median(t->here) * 1e3, median(t->servers) * 1e3, HASHES,
	       median(t->alone) * 1e3);
	printf("  MGET:      %.2f million keys/s by valkey-benchmark; CPU %.0f ms of the servers for %u\n",
	       median(t->mget) / 1e6, median(t->mget_servers) * 1e3, HASHES);
	printf("  share:     the look-up has %.2f of MGET's rate, in single rounds %.2f to %.2f; one sandbox alone %.2f\n",
	       median(t->rate) / median(t->mget), t->share[0],
	       t->share[ROUNDS - 1], HASHES / median(t->alone) / median(t->mget));
}

static int measure(unsigned int primaries)
{
	const struct mget like = {
		.keys = BASES * BASE_PAGES * (MEDES_SKETCH + 1) / ENTRY_FILL,
		.value = ENTRY_FILL * ENTRY_SIZE, .of_command = SCAN_BATCH * (MEDES_SKETCH + 1) / SHARDS,
		.in_flight = SEARCH_MAX * SHARDS, .total = LOOK_UPS * HASHES,
	};
	double before, entering, entries;
	struct engine_import imports[BASES];
	struct engine *a, *b;
	struct valkeys servers;
	struct taken taken;
	unsigned int i;
	bool good;

	if (valkeys_start(&servers, primaries, 0, NULL)) {
		valkeys_stop(&servers);
		return 1;
	}
	a = open_node(&servers, "a");
	before = memory(&servers);
	entering = enter(a);
	entries = of(a)->counts.entered;
	printf("%u primar%s\n", primaries, primaries == 1 ? "y" : "ies");
	printf("  memory:    %.1f bytes a hash, %.1f MB a million\n",
	       (memory(&servers) - before) / entries, (memory(&servers) - before) / entries);
	printf("  enter:     %.2f million hashes/s\n", entries / entering / 1e6);
	b = open_node(&servers, "b");
	while (HASH_COUNT(of(b)->bases) < BASES || !of(b)->geometry.shards)
		turn();
	for (i = 0; i < BASES; i++)
		imports[i] = (struct engine_import){
			.node = "a", .id = i + 1, .generation = 1, .import = i + 1,
		};
	engine_imports(b, imports, BASES);
	hits = 0;
	look_up(b, 1);
	if (hits < PAGES / 2 * 9 / 10 || of(b)->counts.missed) {
		fprintf(stderr, "only %zu pages found, %lu hashes without an answer\n", hits,
			of(b)->counts.missed);
		return 1;
	}
	good = take_turns(b, &servers, &like, &taken);
	if (!good)
		fprintf(stderr, "valkey-benchmark failed: is it installed, and the right one?\n");
	if (of(b)->counts.missed) {
		fprintf(stderr, "%lu hashes without an answer: their look-ups were not carried out\n",
			of(b)->counts.missed);
		good = false;
	}
	if (good)
		print_taken(&taken);
	fflush(stdout);
	engine_free(a);
	engine_free(b);
	valkeys_stop(&servers);
	return !good;
}

int main(void)
{
	uint64_t seed = 1;
	size_t i;

	events = event_base_new();
	base_pages = malloc(BASES * BASE_PAGES * sizeof(*base_pages));
	pages = malloc(PAGES * sizeof(*pages));
	if (!events || !base_pages || !pages)
		return 1;
	for (i = 0; i < BASES * BASE_PAGES; i++)
		base_pages[i] = random_base_page(&seed, i % BASE_PAGES);
	/* half of them resemble some base page */
	for (i = 0; i < PAGES; i++)
		pages[i] = page_like(&seed, &base_pages[next_random(&seed) % (BASES * BASE_PAGES)],
				     i % 2 ? 1 + i % 8 : 0, false);
	return measure(1) || measure(3);
}
