// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast a cluster's registry answers, and what it takes: the hashes of a sandbox of 100 MB
 * (125,000 of them, after pages that its node has) are looked up on one and on three primaries on
 * this machine, beside valkey-benchmark's MGET of keys with values of the same
 * size, as many in a command and as many commands in flight.
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
#define ROUNDS 9
#define LOOK_UPS 60			/* as many keys as these ask for, by valkey-benchmark */
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

/* As a job does it: many batches on their way, but not too many; the scan has turns of its own. */
static double look_up(struct engine *e)
{
	struct search s = { .found = on_found, .turn = on_turn };
	double start = valkey_now();
	size_t at, n;

	search_init(&s, e, "d");
	for (at = 0; at < PAGES; at += n) {
		n = PAGES - at < SCAN_BATCH ? PAGES - at : SCAN_BATCH;
		search_ask(&s, pages + at, n);
		event_base_loop(events, EVLOOP_NONBLOCK);
		while (s.n >= SEARCH_MAX)
			turn();
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

/* Rounds of which the middle one counts. */
static double look_up_often(struct engine *e, struct valkeys *servers)
{
	double took[ROUNDS], cpu = cpu_seconds(), theirs = servers_cpu(servers), rate;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		took[i] = look_up(e);
	cpu = cpu_seconds() - cpu;
	theirs = servers_cpu(servers) - theirs;
	qsort(took, ROUNDS, sizeof(*took), by_value);
	rate = HASHES / took[ROUNDS / 2];
	printf("  look up:   %.2f million hashes/s, %.0f ms for %u; CPU %.0f ms here, %.0f ms of the servers\n",
	       rate / 1e6, took[ROUNDS / 2] * 1e3, HASHES, cpu / ROUNDS * 1e3,
	       theirs / ROUNDS * 1e3);
	return rate;
}

static int measure(unsigned int primaries)
{
	const struct mget like = {
		.keys = BASES * BASE_PAGES * (MEDES_SKETCH + 1) / ENTRY_FILL,
		.value = ENTRY_FILL * ENTRY_SIZE, .of_command = SCAN_BATCH * (MEDES_SKETCH + 1) / SHARDS,
		.in_flight = SEARCH_MAX * SHARDS, .total = LOOK_UPS * HASHES,
	};
	double before, entering, entries, ours, theirs, cpu;
	struct engine_import imports[BASES];
	struct engine *a, *b;
	struct valkeys servers;
	unsigned int i;

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
	look_up(b);
	if (hits < PAGES / 2 * 9 / 10 || of(b)->counts.missed) {
		fprintf(stderr, "only %zu pages found, %lu hashes without an answer\n", hits,
			of(b)->counts.missed);
		return 1;
	}
	ours = look_up_often(b, &servers);
	engine_free(a);
	engine_free(b);
	theirs = mget(&servers, &like, &cpu);
	printf("  MGET:      %.2f million keys/s by valkey-benchmark, %.0f ms of the servers for %u; the look-up has %.2f of it\n",
	       theirs / 1e6, cpu / LOOK_UPS * 1e3, HASHES, ours / theirs);
	fflush(stdout);
	valkeys_stop(&servers);
	return !theirs;
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
