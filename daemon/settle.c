// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Settling: fast records are quick to make and to come back from, dense ones are
 * a third shorter. A sandbox that has not been touched for SettleAfter since its
 * deduplication is likely to stay idle for longer, and is worth the time.
 *
 * A base is packed likewise: raw, its pages are quick to decode against, but cost
 * more than a few sandboxes save. Where records are dense from the start, it is
 * packed as soon as it is made.
 *
 * The kernel needs no watching while it settles: a page that is touched
 * meanwhile comes back as ever.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>
#include "daemon.h"
#include "kernel.h"
#include "log.h"
#include "ops.h"
#include "settle.h"

/* A sandbox or a base whose time has not come. */
struct idle {
	TAILQ_ENTRY(idle) link;
	struct settler *settler;
	struct event *timer;
	uint32_t sandbox;		/* 0: it is about a base */
	uint64_t base;
	uint64_t touched;
};

struct settler {
	struct daemon *daemon;
	TAILQ_HEAD(, idle) idle;
};

static void forget(struct idle *idle)
{
	TAILQ_REMOVE(&idle->settler->idle, idle, link);
	if (idle->timer)
		event_free(idle->timer);
	free(idle);
}

/* Pages that came back since the sandbox was taken in; false when it has gone. */
static bool look(struct settler *settler, uint32_t sandbox, uint64_t *touched, uint64_t *pages)
{
	struct medes_nl *nl = kernel_nl(settler->daemon->kernel);
	struct medes_sandbox found;

	if (!nl || medes_sandbox_get(nl, sandbox, &found))
		return false;
	*touched = found.stats.v[MEDES_A_STATS_FAULTS] + found.stats.v[MEDES_A_STATS_FAULT_AROUND] +
		   found.stats.v[MEDES_A_STATS_RESTORED];
	*pages = medes_stats_pages(&found.stats);
	medes_sandbox_clear(&found);
	return true;
}

static void pack(struct settler *settler, uint64_t base)
{
	struct medes_nl *nl = kernel_nl(settler->daemon->kernel);
	uint32_t op;

	if (!nl)
		return;
	if (medes_pack(nl, base, MEDES_MODE_DENSE, &op))
		log_info("base %#" PRIx64 " is not packed: %s", base, nl->error);
	else
		log_info("operation %u packs base %#" PRIx64, op, base);
}

static int wait_on(struct idle *idle)
{
	const unsigned int ms = idle->settler->daemon->config.settle_after;
	const struct timeval after = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return event_add(idle->timer, &after);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct idle *idle = arg;
	struct medes_nl *nl = kernel_nl(idle->settler->daemon->kernel);
	uint64_t touched, pages;
	uint32_t op;

	(void)fd;
	(void)what;
	if (!idle->sandbox) {
		pack(idle->settler, idle->base);
		forget(idle);
		return;
	}
	if (!look(idle->settler, idle->sandbox, &touched, &pages) || !pages) {
		forget(idle);
		return;
	}
	if (touched != idle->touched) {
		idle->touched = touched;
		if (wait_on(idle))
			forget(idle);
		return;
	}
	if (medes_settle(nl, idle->sandbox, &op))
		log_warning("sandbox %u does not settle: %s", idle->sandbox, nl->error);
	else
		log_info("sandbox %u stays idle: operation %u settles its records", idle->sandbox, op);
	forget(idle);
}

static struct idle *remember(struct settler *settler)
{
	struct idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return NULL;	/* it stays as it is, that is all */
	idle->settler = settler;
	idle->timer = evtimer_new(settler->daemon->events, on_time, idle);
	TAILQ_INSERT_TAIL(&settler->idle, idle, link);
	return idle;
}

/**
 * settle_pack_later() - a base was made
 * @settler: of the daemon
 * @base: its id
 *
 * It is packed after SettleAfter; at once, where records are dense from the start.
 */
void settle_pack_later(struct settler *settler, uint64_t base)
{
	struct idle *idle;

	if (!settler || !settler->daemon->config.pack)
		return;
	if (settler->daemon->config.mode == MEDES_MODE_DENSE) {
		pack(settler, base);
		return;
	}
	if (!settler->daemon->config.settle_after)
		return;
	idle = remember(settler);
	if (!idle)
		return;
	idle->base = base;
	if (!idle->timer || wait_on(idle))
		forget(idle);
}

/**
 * settle_later() - a sandbox was deduplicated
 * @settler: of the daemon
 * @sandbox: its id
 *
 * Unless it is touched before, its records are settled after SettleAfter.
 */
void settle_later(struct settler *settler, uint32_t sandbox)
{
	struct idle *idle;
	uint64_t pages;

	if (!settler || !settler->daemon->config.settle_after ||
	    settler->daemon->config.mode == MEDES_MODE_DENSE)
		return;
	TAILQ_FOREACH(idle, &settler->idle, link)
		if (idle->sandbox == sandbox)
			break;
	if (!idle) {
		idle = remember(settler);
		if (!idle)
			return;
		idle->sandbox = sandbox;
	}
	if (!idle->timer || !look(settler, sandbox, &idle->touched, &pages) || wait_on(idle))
		forget(idle);
}

/**
 * settler_new() - nothing to settle yet
 * @daemon: whose configuration, events and kernel it uses
 *
 * Return: it, or NULL for lack of memory.
 */
struct settler *settler_new(struct daemon *daemon)
{
	struct settler *settler = calloc(1, sizeof(*settler));

	if (!settler)
		return NULL;
	settler->daemon = daemon;
	TAILQ_INIT(&settler->idle);
	return settler;
}

void settler_free(struct settler *settler)
{
	struct idle *idle;

	if (!settler)
		return;
	while ((idle = TAILQ_FIRST(&settler->idle)))
		forget(idle);
	free(settler);
}
