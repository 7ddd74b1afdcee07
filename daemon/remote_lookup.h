/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look-up in the cluster's registry: what remote_find.c and remote_match.c share.
 */
#ifndef MEDESD_REMOTE_LOOKUP_H
#define MEDESD_REMOTE_LOOKUP_H

#include "remote.h"

/* A hash that is asked for. */
struct ask {
	struct place place;
	uint16_t page;
	bool whole;
};

/* A base page that has a hash of a page. */
struct match {
	uint16_t page;
	bool whole;
	uint32_t base;
	uint32_t index;
};

/* One command: some of the asks. */
struct fetch {
	struct lookup *lookup;
	struct valkey_request *request;
	unsigned int first, n;
	unsigned int taken;		/* buckets that came */
};

struct lookup {
	LIST_ENTRY(lookup) link;
	struct remote *remote;
	found_fn fn;
	void *arg;
	char domain[MEDES_NAME_SIZE];
	uint64_t now;			/* when it began: what it reads is no younger */
	unsigned int n, n_asks, n_fetches, waiting;
	struct match *matches;
	size_t n_matches, room;
	struct ask *asks;
	struct fetch *fetches;
	struct candidates *found;
	struct medes_page pages[];
};

void remote_take_bucket(struct lookup *l, const struct ask *ask, const unsigned char *bytes,
			size_t len);
void remote_merge(struct lookup *l);

#endif /* MEDESD_REMOTE_LOOKUP_H */
