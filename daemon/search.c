// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Batches in flight. The engine of this process answers at once, and then nothing is kept
 * here at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "search.h"

struct search_batch {
	TAILQ_ENTRY(search_batch) link;
	struct search *search;
	struct lookup *lookup;
};

/**
 * search_init() - nothing is on its way
 * @s: the search; found, turn and arg are the caller's to set
 * @engine: to be asked
 * @domain: of the sandbox
 */
void search_init(struct search *s, struct engine *engine, const char *domain)
{
	s->engine = engine;
	snprintf(s->domain, sizeof(s->domain), "%s", domain);
	s->err = 0;
	s->n = 0;
	TAILQ_INIT(&s->batches);
}

static void on_found(const struct medes_page *pages, size_t n, const struct candidates *found,
		     void *arg)
{
	struct search_batch *batch = arg;
	struct search *s = batch->search;

	if (!s->err)
		s->err = s->found(pages, n, found, s->arg);
	/* NULL: search_ask() has not returned yet, and goes on with it */
	if (!batch->lookup)
		return;
	TAILQ_REMOVE(&s->batches, batch, link);
	s->n--;
	free(batch);
	s->turn(s->arg);
}

/**
 * search_ask() - look pages up
 * @s: the search
 * @pages: copied if need be
 * @n: how many
 *
 * Return: 0, -ENOMEM, or what found() said of some answer.
 */
int search_ask(struct search *s, const struct medes_page *pages, size_t n)
{
	struct search_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return -ENOMEM;
	batch->search = s;
	batch->lookup = engine_lookup(s->engine, s->domain, pages, n, on_found, batch);
	if (!batch->lookup) {
		free(batch);
		return s->err;
	}
	TAILQ_INSERT_TAIL(&s->batches, batch, link);
	s->n++;
	return s->err;
}

/**
 * search_clear() - forget what is on its way
 * @s: the search, in use or zeroed
 */
void search_clear(struct search *s)
{
	struct search_batch *batch;

	while (s->n) {
		batch = TAILQ_FIRST(&s->batches);
		TAILQ_REMOVE(&s->batches, batch, link);
		s->n--;
		engine_forget(s->engine, batch->lookup);
		free(batch);
	}
	s->err = 0;
}
