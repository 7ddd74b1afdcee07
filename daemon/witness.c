// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Witnesses of a base.
 *
 * A base page that only its own source refers to costs a page and saves nothing:
 * compressed by itself it would take a third. Which pages those are shows when
 * sandboxes of the same function are there already: what none of them has
 * anything like, no later one is likely to have. So a few of them are scanned
 * first, into a registry that lasts as long as the job.
 *
 * Only sandboxes that are warm bear witness: a scan shows just what is not
 * deduplicated. Without any, every page passes for wanted.
 */
#include <errno.h>
#include <string.h>
#include "kernel.h"
#include "ops.h"
#include "registry.h"
#include "scan.h"
#include "witness.h"

#define DOMAIN "siblings"
#define PAGES_PER_HASH 1		/* one is enough to say yes */

static void scan_next(struct witness *w);

static int on_pages(const struct medes_page *pages, size_t n, void *arg)
{
	struct medes_base_page page = { 0 };
	struct witness *w = arg;
	size_t i;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		page.index = w->scanned++;
		page.hash = pages[i].hash;
		memcpy(page.sketch, pages[i].sketch, sizeof(page.sketch));
		err = registry_add(w->pages, DOMAIN, 1, &page, 1);
	}
	return err;
}

/* What came counts: it was there a moment ago. */
static void on_again(void *arg)
{
	(void)arg;
}

static void on_scanned(int err, const char *error, void *arg)
{
	struct witness *w = arg;

	/* a sibling that has gone is none; the module's end ends the job anyway */
	if (err == -ENOMEM) {
		w->done(err, error, w->arg);
		return;
	}
	scan_free(w->scan);
	w->scan = NULL;
	scan_next(w);
}

static void scan_next(struct witness *w)
{
	static const struct scan_handlers handlers = {
		.pages = on_pages, .again = on_again, .done = on_scanned,
	};

	if (w->at == w->n) {
		if (!w->scanned) {
			registry_free(w->pages);
			w->pages = NULL;
		}
		w->done(0, NULL, w->arg);
		return;
	}
	w->scan = scan_start(w->daemon->events, w->siblings[w->at++], &handlers, w);
	if (!w->scan)
		w->done(-ENOMEM, "no memory for a scan", w->arg);
}

static bool is_sibling(const struct medes_sandbox *sandbox, const struct witness_of *of)
{
	return sandbox->id != of->sandbox && sandbox->state == MEDES_SANDBOX_STATE_WARM &&
	       !strcmp(sandbox->domain, of->domain) && !strcmp(sandbox->function, of->function);
}

/**
 * witness_start() - look at the siblings of a sandbox
 * @w: zeroed
 * @daemon: the daemon
 * @of: the sandbox
 * @done: called once, possibly before this returns; error says why err is not 0
 * @arg: for @done
 *
 * Return: 0, or a negative errno (and @done is not called) with a reason in the
 * error of the socket for requests.
 */
int witness_start(struct witness *w, struct daemon *daemon, const struct witness_of *of,
		  void (*done)(int err, const char *error, void *arg), void *arg)
{
	struct medes_nl *nl = kernel_nl(daemon->kernel);
	struct medes_sandboxes all;
	size_t i;
	int err;

	err = medes_sandbox_list(nl, &all);
	if (err)
		return err;
	for (i = 0; i < all.n && w->n < daemon->config.witnesses; i++)
		if (is_sibling(&all.v[i], of))
			w->siblings[w->n++] = all.v[i].id;
	medes_sandboxes_clear(&all);
	w->daemon = daemon;
	w->done = done;
	w->arg = arg;
	w->pages = registry_new(PAGES_PER_HASH);
	if (!w->pages)
		return medes_nl_fail(nl, -ENOMEM, "no memory for the siblings' pages");
	scan_next(w);
	return 0;
}

/**
 * witness_ask() - has a sibling anything like some pages
 * @w: the witness
 * @pages: the pages, at most SCAN_BATCH
 * @n: how many
 * @seen: receives the answers; all true when nobody bears witness
 */
void witness_ask(const struct witness *w, const struct medes_page *pages, size_t n, bool *seen)
{
	static struct candidates found[SCAN_BATCH];
	size_t i;

	if (w->pages)
		registry_lookup(w->pages, DOMAIN, pages, n, found);
	for (i = 0; i < n; i++)
		seen[i] = !w->pages || found[i].n;
}

void witness_free(struct witness *w)
{
	scan_free(w->scan);
	registry_free(w->pages);
	*w = (struct witness){ 0 };
}
