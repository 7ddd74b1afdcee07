/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sandbox as the controller sees it.
 *
 *	starting -> running <-> idle -> deduplicating -> dedup
 *	               ^                     |             |
 *	               +----- restoring <----+-------------+
 *
 *	any of them -> lost -> ending, or -> ending; then it is gone
 */
#ifndef MEDESD_BOX_H
#define MEDESD_BOX_H

#include "control.h"

enum box_state {
	BOX_STARTING,
	BOX_RUNNING,
	BOX_IDLE,
	BOX_DEDUPING,
	BOX_DEDUP,
	BOX_RESTORING,			/* for a call, which it does not serve yet */
	BOX_LOST,			/* pages that cannot be rebuilt */
	BOX_ENDING,
	BOX_STATES
};

struct box {
	UT_hash_handle hh;		/* by name, in the controller */
	TAILQ_ENTRY(box) link;		/* in the function */
	struct function *function;
	char name[MEDES_NAME_SIZE];
	enum box_state state;
	bool adopted;			/* another platform runs it */
	bool watched;			/* adopted, and used without being acquired */
	bool wanted;			/* it starts because a call waits */
	bool old;			/* gets no further call; ended when it idles */
	bool restoring;			/* its working set is on the way back */
	bool told;			/* was told to end */
	bool dead;			/* its process has ended, or never was */
	bool demarcates;		/* while deduplicating: a base is made of it */
	bool broken;			/* did not answer a call as it should */
	bool stranded;			/* no node gives some of its pages now: no call */
	struct timer orphan;		/* until it counts as lost, as no node ever will */
	TAILQ_HEAD(, call) calls;	/* in flight */
	unsigned int in_flight;
	uint64_t born;			/* us */
	uint64_t idle_since;		/* us */
	uint64_t stuck_until;		/* us: no deduplication before that */
	unsigned int dedup_failures;
	double memory;			/* bytes, warm; 0: not known */
	double memory_dedup;		/* bytes, last time that it was deduplicated */
	bool unmeasured;		/* memory is to be looked at */
	bool woken;			/* out of deduplication, and not looked at since */
	uint64_t served;
	uint64_t burst;			/* us: runs since then without a call; 0: it does not */
	enum start_kind burst_start;
	char address[64];		/* host:port, empty when there is none */
	int64_t pid;			/* 0: none or several */
	void *local;			/* the host's */
};

/* A new one, STARTING; NULL: no memory. name: of an adopted one, else NULL. */
struct box *box_new(struct function *f, const char *name);
void box_discard(struct box *box);	/* nothing of it exists */
struct box *box_find(struct control *c, const char *name);
const char *box_state_name(enum box_state state);
void box_set(struct box *box, enum box_state state);
void box_idles(struct box *box, uint64_t since);

/* Told by the controller's parts */
struct box *box_start(struct function *f, bool wanted);
void box_dedup(struct box *box, bool demarcate);
void box_purge(struct box *box, const char *why);
void box_take(struct box *box, struct call *call);	/* give it a call */
void box_drop_call(struct box *box, struct call *call);
bool box_has_room(const struct box *box);

/* Told by the host, from the loop */
void box_started(struct box *box);
void box_dies(struct box *box, const char *why);
void box_ended(struct box *box, const char *why);	/* frees it */
void box_deduped(struct box *box, int err, const char *why);
void box_awake(struct box *box);
void box_restored(struct box *box);
void box_lost(struct box *box, const char *why);

/* stranded.c: told what other nodes give */
void box_stranded_init(struct box *box);
void box_stranded_exit(struct box *box);
void box_stranded(struct box *box, bool stranded, bool orphaned);

/* watched.c: told of watched ones */
void box_runs(struct box *box, uint64_t since);
void box_rests(struct box *box, uint64_t since);
void box_watched_no_more(struct box *box);

json_t *box_json(const struct box *box);

#endif /* MEDESD_BOX_H */
