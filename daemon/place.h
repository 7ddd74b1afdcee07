/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which node serves a request.
 */
#ifndef MEDESD_PLACE_H
#define MEDESD_PLACE_H

#include <stdbool.h>
#include <stddef.h>

enum place_kind { PLACE_WARM, PLACE_DEDUP, PLACE_COLD, PLACE_WAIT };

/* A node, for one function. */
struct place_node {
	unsigned int warm;		/* sandboxes that serve, or could at once */
	unsigned int asleep;		/* deduplicated */
	unsigned int starting;
	unsigned int flying;		/* our requests that are there */
	unsigned int concurrency;	/* of a sandbox */
	int restores;			/* that may begin there now */
	int starts;			/* sandboxes that may be added there */
	bool starts_fail;		/* the last ones did */
	bool base;			/* of the function, or of another node's that is imported */
	double room;			/* bytes for new sandboxes */
	double each;			/* bytes that one takes */
	bool cordoned, draining;
};

int place_choose(const struct place_node *nodes, size_t n, enum place_kind *kind);
int place_start(const struct place_node *nodes, size_t n);

#endif /* MEDESD_PLACE_H */
