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
#define KEYS 72				/* of one MGET: 512 pages with 9 hashes each, over 64 shards */
#define SHARDS 64

static struct event_base *events;
static struct medes_base_page *base_pages;
static struct medes_page *pages;
static char tags[3][12];			/* three digits */

static double seconds(void)
{
	return valkey_now() / 1e6;
}

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

/* What all servers together say of themselves under that name. */
static double of_servers(struct valkeys *servers, const char *name)
{
	redisReply *reply;
	const char *at;
	double sum = 0;
	unsigned int i;

	for (i = 0; i < servers->n; i++) {
		reply = valkeys_command(servers, i, "INFO");
		at = reply && reply->str ? strstr(reply->str, name) : NULL;
		sum += at ? strtod(at + strlen(name), NULL) : 0;
		freeReplyObject(reply);
	}
	return sum;
}

static double memory(struct valkeys *servers)
{
	return of_servers(servers, "used_memory_dataset:");
}

static double servers_cpu(struct valkeys *servers)
{
	return of_servers(servers, "used_cpu_user:") + of_servers(servers, "used_cpu_sys:");
}

static double enter(struct engine *e)
{
	struct engine_base base = { .generation = 1, .domain = "d" };
	double start;
	size_t i;

	while (!of(e)->version[0] || !of(e)->geometry.shards)
		turn();
	start = seconds();
	for (i = 0; i < BASES; i++) {
		base.id = i + 1;
		engine_share(e, &base, true);
		engine_add(e, &base, base_pages + i * BASE_PAGES, BASE_PAGES);
		while (!TAILQ_EMPTY(&of(e)->batches))
			turn();
	}
	return seconds() - start;
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
	double start = seconds();
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
	return seconds() - start;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Runs one benchmark for each primary at once, of keys that it has. Return how many of the
 * commands were carried out a second, by the clock here: the rates that they tell are each of
 * its own time, and their sum is more than the machine ever did.
 */
static double run_benchmarks(struct valkeys *servers, const char *options, const char *command,
			     unsigned int commands)
{
	const char *program = getenv("VALKEY_BENCHMARK"), *at;
	double start = seconds();
	unsigned int i, good = 0;
	char line[8192];
	FILE *pipes[3];

	for (i = 0; i < servers->primaries; i++) {
		snprintf(line, sizeof(line), "%s -p %u -c 1 -n %u --csv %s %s 2>/dev/null",
			 program ? program : "valkey-benchmark", servers->port[i], commands, options,
			 command);
		while ((at = strstr(line, "TAG")))
			memcpy((char *)at, tags[i], 3);
		pipes[i] = popen(line, "r");
	}
	for (i = 0; i < servers->primaries; i++) {
		/* "the command's words","rate",... */
		while (pipes[i] && fgets(line, sizeof(line), pipes[i]))
			good += !!strstr(line, "\",\"");
		if (pipes[i])
			pclose(pipes[i]);
	}
	return good >= servers->primaries ? servers->primaries * commands / (seconds() - start) : 0;
}

/* A hash tag for each primary. */
static void find_tags(struct valkeys *servers)
{
	char key[8];
	unsigned int i, n;

	for (i = 0; i < servers->primaries; i++) {
		for (n = 100; n < 1000; n++) {
			snprintf(key, sizeof(key), "{%u}", n);
			if (valkeys_of_slot(servers, slot_of(key, strlen(key))) == i)
				break;
		}
		snprintf(tags[i], sizeof(tags[i]), "%u", n);
	}
}

/* Keys/s of valkey-benchmark. */
static double benchmark(struct valkeys *servers, double *cpu)
{
	unsigned int keys = BASES * BASE_PAGES * (MEDES_SKETCH + 1) / ENTRY_FILL / servers->primaries;
	unsigned int commands = LOOK_UPS * HASHES / KEYS / servers->primaries;
	char options[96], command[8192];
	double rate;
	size_t len;
	unsigned int i;

	find_tags(servers);
	snprintf(options, sizeof(options), "-r %u -P 64", keys);
	snprintf(command, sizeof(command), "SET 'key:{TAG}:__rand_int__' %0*d",
		 ENTRY_FILL * ENTRY_SIZE, 0);
	run_benchmarks(servers, options, command, 6 * keys);
	snprintf(options, sizeof(options), "-r %u -P %u", keys,
		 SEARCH_MAX * SHARDS / servers->primaries);
	len = snprintf(command, sizeof(command), "MGET");
	for (i = 0; i < KEYS; i++)
		len += snprintf(command + len, sizeof(command) - len,
				" 'key:{TAG}:__rand_int__'");
	*cpu = servers_cpu(servers);
	rate = run_benchmarks(servers, options, command, commands) * KEYS;
	*cpu = (servers_cpu(servers) - *cpu) / LOOK_UPS;
	return rate;
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
	theirs = benchmark(&servers, &cpu);
	printf("  MGET:      %.2f million keys/s by valkey-benchmark, %.0f ms of the servers for %u; the look-up has %.2f of it\n",
	       theirs / 1e6, cpu * 1e3, HASHES, ours / theirs);
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
