/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two files of clients' requests share; nobody else needs it.
 */
#ifndef MEDESD_FRONT_PARTS_H
#define MEDESD_FRONT_PARTS_H

#include <sys/queue.h>
#include "clock.h"
#include "front.h"
#include "replay.h"

#define FRONT_TRIED_MAX 8

struct front {
	TAILQ_ENTRY(front) link;
	struct fronts *of;
	struct request *r;
	char domain[MEDES_NAME_SIZE], function[MEDES_NAME_SIZE];
	char node[MEDES_NAME_SIZE];	/* where it is */
	bool to_controller;		/* else the controller has sent it there */
	bool idempotent;
	bool repeated;			/* to the same node */
	char id[REPLAY_ID];
	struct forward *forward;
	char tried[FRONT_TRIED_MAX][MEDES_NAME_SIZE];
	unsigned int n_tried;
	bool unheard;			/* a node has not heard of the function */
	bool waits;			/* until one has */
	uint64_t waits_until;		/* us; 0: has not waited */
	int status;			/* of the last refusal; 0: none */
	char why[400];
};

struct fronts {
	struct daemon *daemon;
	struct reach *reach;
	TAILQ_HEAD(, front) all;
	unsigned int n;
	uint64_t serial;
	struct timer look;
	uint64_t passed, repeated, moved, failed;
};

/* front_send.c */
void front_place(struct front *fr);
bool front_send(struct front *fr);
void front_give_up(struct front *fr, const char *why);
void front_serve_here(struct front *fr);

/* front.c */
void front_free(struct front *fr);
void front_count_flight(struct front *fr, int change);
void fronts_look_soon(struct fronts *fs);

#endif /* MEDESD_FRONT_PARTS_H */
