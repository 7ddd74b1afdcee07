// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keeps oom_score_adj of sandboxes' processes at what their memory weighs: after
 * each change of a sandbox's state, and now and then, since pages come back
 * without a word. The kernel's lists are read each time; oom.c knows what was.
 */
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "badness.h"
#include "kernel.h"
#include "log.h"
#include "oom.h"
#include "ops.h"
#include "proc.h"

#define EVERY_S 5
#define SOON_US 100000

struct badness {
	struct daemon *daemon;
	struct oom *oom;
	struct event *timer;
};

/**
 * badness_less() - what to take off oom_score_adj
 * @away: bytes that are not in memory although they are counted
 * @total: bytes of memory and swap
 *
 * Return: thousandths of @total, rounded, 0 to 1000.
 */
int badness_less(uint64_t away, uint64_t total)
{
	if (!total || away >= total)
		return total ? 1000 : 0;
	return (int)((away * 1000 + total / 2) / total);
}

static uint64_t meminfo(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	uint64_t kib = 0;

	if (at)
		sscanf(at + strlen(key), " %" SCNu64, &kib);
	return kib << 10;
}

/* What the OOM killer measures against. */
static uint64_t total_bytes(void)
{
	char text[8192];

	if (medes_file_read("/proc/meminfo", text, sizeof(text)) < 0)
		return 0;
	return meminfo(text, "MemTotal:") + meminfo(text, "SwapTotal:");
}

static uint64_t rss_of(uint32_t pid)
{
	char path[64], text[128];
	uint64_t pages = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/statm", pid);
	if (medes_file_read(path, text, sizeof(text)) > 0)
		sscanf(text, "%*u %" SCNu64, &pages);
	return pages;
}

/* The counters are of the sandbox; its processes share by what they hold. */
static void lower_sandbox(struct oom *oom, const struct medes_sandbox *sandbox, uint64_t total)
{
	uint64_t away = medes_stats_pages(&sandbox->stats) * sysconf(_SC_PAGESIZE);
	uint64_t all = 0;
	size_t i;

	for (i = 0; i < sandbox->n_processes; i++)
		all += rss_of(sandbox->processes[i].pid);
	for (i = 0; away && all && i < sandbox->n_processes; i++) {
		const struct medes_process *process = &sandbox->processes[i];
		double share = (double)rss_of(process->pid) / (double)all;

		oom_lower(oom, process, badness_less((uint64_t)(share * (double)away), total));
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval later = { .tv_sec = EVERY_S };
	struct badness *b = arg;
	struct medes_nl *nl = kernel_nl(b->daemon->kernel);
	struct medes_sandboxes list;
	size_t i;

	(void)fd, (void)what;
	event_add(b->timer, &later);
	/* without the list nothing is known: leave all as it is */
	if (nl && medes_sandbox_list(nl, &list))
		return;
	oom_begin(b->oom);
	if (nl) {
		for (i = 0; i < list.n; i++)
			lower_sandbox(b->oom, &list.v[i], total_bytes());
		medes_sandboxes_clear(&list);
	}
	oom_end(b->oom);
}

/**
 * badness_soon() - a sandbox may weigh something else now
 * @b: looks in a moment
 */
void badness_soon(struct badness *b)
{
	const struct timeval soon = { .tv_usec = SOON_US };

	event_add(b->timer, &soon);
}

/**
 * badness_new() - begin to look
 * @daemon: with its configuration and event loop
 *
 * Return: the watch, or NULL for lack of memory.
 */
struct badness *badness_new(struct daemon *daemon)
{
	struct badness *b = calloc(1, sizeof(*b));
	char socket[256], dir[300];

	if (!b)
		return NULL;
	b->daemon = daemon;
	snprintf(socket, sizeof(socket), "%s", daemon->config.socket);
	snprintf(dir, sizeof(dir), "%s/oom", dirname(socket));
	b->oom = oom_new(dir);
	b->timer = evtimer_new(daemon->events, on_timer, b);
	if (!b->oom || !b->timer) {
		badness_free(b);
		return NULL;
	}
	badness_soon(b);
	return b;
}

/**
 * badness_free() - look no more; all processes get back what they had
 * @b: may be NULL
 */
void badness_free(struct badness *b)
{
	if (!b)
		return;
	if (b->timer)
		event_free(b->timer);
	oom_free(b->oom);
	free(b);
}
