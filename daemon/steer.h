/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster's controller, as long as this daemon leads.
 *
 *	steer.c		speaks to the nodes, in turns; what each said last
 *	steer_acts.c	what each was told to do
 *	sync.c		all nodes have the same functions
 *	oversee.c	the policy, over all nodes
 *	spread.c	copies of bases; nodes that are drained
 *	place.c		which node serves a request
 *	front.c		clients' requests, on their way to that node
 */
#ifndef MEDESD_STEER_H
#define MEDESD_STEER_H

#include "daemon.h"
#include "place.h"
#include "view.h"

#define STEER_ERROR 400

/* The first of the protocols in which a node can be commanded. */
#define STEER_PROTOCOL 2

struct flight;
struct steer;

/* A question to a node, and how it can be given up; tests have a transport of their own. */
typedef void (*steer_answer)(int status, json_t *answer, const char *error, void *arg);

struct steer_transport {
	void *(*ask)(void *arg, const char *node, json_t *body, unsigned int timeout_ms,
		     steer_answer fn, void *fn_arg);
	void (*cancel)(void *question);
	/* a node that had been heard of does not answer; NULL: nobody wants to know */
	void (*lost)(void *arg, const char *node);
	void *arg;
};

struct steer_node {
	UT_hash_handle hh;
	struct steer *steer;
	char name[MEDES_NAME_SIZE];
	bool self;
	bool there;			/* among the nodes, at the last look */
	bool tried;			/* asked in this reign, whatever came of it */
	struct view *view;		/* NULL: out of reach, or not asked yet */
	uint64_t heard;			/* us */
	unsigned int missed;		/* answers, since then */
	bool lost;			/* and what is there is not waited for */
	char error[STEER_ERROR];	/* why it is out of reach */
	void *question;
	bool again;			/* ask as soon as it has answered */
	char life[24];			/* of its process, as it said last */
	json_t *acts;			/* for that one, not answered yet */
	struct flight *flights;
	uint64_t copied;		/* us: a base was sent there */
	uint64_t copying;		/* its digest */
};

struct steer {
	struct daemon *daemon;
	const struct steer_transport *transport;
	struct steer_node *nodes;
	struct timer tick;
	uint64_t epoch;			/* 0: does not lead */
	uint64_t serial;		/* of the last act */
	uint64_t answers, failures, acts;
};

struct steer *steer_new(struct daemon *d, const struct steer_transport *transport);
void steer_free(struct steer *s);
bool steer_leads(const struct steer *s);
void steer_soon(struct steer *s);
bool steer_settled(const struct steer *s);
void steer_suspect(struct steer *s, const char *node);

struct steer_node *steer_find(const struct steer *s, const char *node);

/* steer_acts.c */
void steer_act(struct steer_node *sn, json_t *act);
bool steer_is_pending(const struct steer_node *sn, const char *key, const char *value);
void steer_results(struct steer_node *sn, const json_t *results);

/* steer_place.c */
struct steer_node *steer_choose(struct steer *s, struct function *f,
				bool (*not_there)(const char *node, void *arg), void *arg);
bool steer_promises(const struct steer *s, const struct function *f);
struct steer_node *steer_start_at(struct steer *s, struct function *f);
void steer_flight(struct steer *s, const char *node, const struct function *f, int change);
unsigned int steer_flights(const struct steer_node *sn);
void steer_flights_free(struct steer_node *sn);
void steer_started(struct steer *s, const char *node, const struct function *f,
		   enum start_kind kind);

/* sync.c */
void sync_report(struct steer_node *sn);
void sync_told(struct steer *s, const json_t *result);
int sync_put(struct daemon *d, const char *domain, struct spec *spec);
int sync_remove(struct daemon *d, const char *domain, const char *name);

/* oversee.c */
void oversee(struct steer *s);
json_t *oversee_explain(struct steer *s, struct function *f);

/* spread.c */
void spread(struct steer *s);

#endif /* MEDESD_STEER_H */
