/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The look-ups of one job: batches that are asked for, some of them at once.
 */
#ifndef MEDESD_SEARCH_H
#define MEDESD_SEARCH_H

#include <sys/queue.h>
#include "engine.h"

/* More than this many batches on their way, and the scan should wait. */
#define SEARCH_MAX 16

struct search_batch;

/* Zeroed: nothing is on its way, and nothing may be asked. */
struct search {
	struct engine *engine;
	char domain[MEDES_NAME_SIZE];
	/* takes an answer; a negative errno is kept in err */
	int (*found)(const struct medes_page *pages, size_t n, const struct candidates *found,
		     void *arg);
	/* after an answer that came from the loop; the search may be ended from here */
	void (*turn)(void *arg);
	void *arg;
	int err;
	unsigned int n;			/* batches on their way */
	TAILQ_HEAD(, search_batch) batches;
};

void search_init(struct search *s, struct engine *engine, const char *domain);
int search_ask(struct search *s, const struct medes_page *pages, size_t n);
void search_clear(struct search *s);

#endif /* MEDESD_SEARCH_H */
