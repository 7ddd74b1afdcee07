/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy: which idle sandboxes stay warm, which are deduplicated, which are
 * purged, how many are started ahead of need, which become bases.
 *
 * A policy is a struct policy_ops in a file of its own. It holds no state: it sees
 * numbers (measure.h), parameters, and the sandboxes that there are, and writes its
 * decisions beside them. The same view gives the same decisions, so a policy can
 * be changed while everything runs, tested by hand-made views, and simulated.
 *
 * Whoever runs it (the life cycle, the simulator) fills a view and calls
 * policy_decide(), at the latest when view.next has come; carries out what it can of
 * the decisions; and asks again later. What could not be done is simply asked for again.
 * When a sandbox is about to be started and there is no room, policy_make_room().
 *
 * Requests should go to the idle sandbox that was used last: the ones used least
 * then become idle for long, which is how a policy sees that there are too many.
 */
#ifndef MEDESD_POLICY_H
#define MEDESD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include "clock.h"
#include "measure.h"

/* Where a sandbox is; what is on the way counts as what it will be. */
enum policy_state {
	POLICY_STARTING,
	POLICY_RUNNING,			/* serves a request; also: restoring for one */
	POLICY_WARM,			/* idle */
	POLICY_DEDUPING,		/* being deduplicated */
	POLICY_DEDUP,
	POLICY_STATES
};

enum policy_action {
	POLICY_KEEP,			/* as it is */
	POLICY_DEDUPLICATE,
	POLICY_DEMARCATE,		/* make it a base, which deduplicates it as well */
	POLICY_PURGE,
	POLICY_ACTIONS
};

struct policy_sandbox {
	void *owner;			/* the caller's */
	enum policy_state state;
	uint64_t idle_since;		/* us: end of its last request, or when it was ready */
	double memory;			/* bytes it takes now; 0: not known */
	bool pinned;			/* may not be purged (another platform's) */
	bool stuck;			/* may not be deduplicated now (failed, no module) */

	/* the decision */
	enum policy_action action;
	const char *why;		/* a constant, words for a person */
};

/* A base that was made of one of the function's sandboxes. */
struct policy_base {
	void *owner;			/* the caller's */
	uint64_t users;			/* records that refer to it */
	uint64_t made;			/* us */
	bool leased;			/* other nodes read it */

	/* the decision: use it no more, drop it when users is 0 */
	bool retire;
	const char *why;
};

enum policy_objective { POLICY_MEMORY, POLICY_LATENCY };	/* P1, P2 */

struct policy_params {
	uint64_t interval;		/* us: decide at least so often */
	uint64_t idle;			/* us idle, and it may be deduplicated */
	uint64_t keep_alive;		/* us idle, and it is kept warm no longer */
	uint64_t keep_dedup;		/* us idle, and a deduplicated one is purged */
	uint64_t window;		/* us: a "minute" of measure.h; for new functions */
	enum policy_objective objective;
	double alpha;			/* of P1: mean start-up, in warm ones */
	double base_threshold;		/* T: one more base above dedup / bases */
	unsigned int first_base;	/* sandboxes of a function before its first base */
	double headroom;		/* % of the capacity kept free by deduplicating */
	double pressure;		/* % of time stalled above which idle is ignored */
	/* adaptive keep-alive */
	double head;			/* percentile of idle times: nothing kept before */
	double tail;			/* and after which nothing is */
	double margin;			/* both are moved outwards by so many % */
	double spread;			/* variation above which the histogram serves */
	double beyond;			/* % of idle times beyond it: then forecast */
	unsigned int samples;		/* idle times before it is believed */
};

struct policy_function {
	const char *name;
	const char *domain;		/* shares pages inside only; NULL: all are of one */
	void *owner;			/* the caller's */
	const struct measure *measure;
	const struct policy_params *params;	/* own ones; NULL: the policy's */
	struct policy_sandbox *sandboxes;
	size_t n;
	struct policy_base *bases;
	size_t n_bases;
	unsigned int queued;		/* requests that wait for a sandbox */
	bool dedups;			/* false: it can't be deduplicated */
	bool demarcating;		/* a base is being made of one of its sandboxes */

	/* the decision */
	unsigned int prewarm;		/* start so many */
	const char *prewarm_why;

	/* worked out by policy_decide() for the policies */
	unsigned int in[POLICY_STATES];
	double share;			/* bytes of the node's memory: M0 */
};

struct policy_view {
	uint64_t now;			/* us, the clock's */
	struct policy_function *functions;
	size_t n;
	double capacity;		/* bytes that sandboxes may take in all; 0: no limit */
	double used;			/* bytes that they take now, records and bases too */
	double overhead;		/* of these, what is no sandbox's: bases, tables */
	double pressure;		/* % of time stalled for memory (PSI some avg10) */
	double want;			/* bytes to free at once */

	/* the result */
	uint64_t next;			/* us: ask again then */
};

struct policy {
	const struct policy_ops *ops;
	struct policy_params params;	/* for functions that have none of their own */
};

struct policy_ops {
	const char *name;
	const char *summary;		/* one line for people */
	bool dedups;			/* false: knows warm and cold only */
	/* Writes decisions for one function; returns when it wants to be asked again, us. */
	uint64_t (*decide)(const struct policy *p, const struct policy_view *view,
			   struct policy_function *f);
	/* Adds its numbers to the object and its reasoning to the text. */
	void (*explain)(const struct policy *p, const struct policy_view *view,
			const struct policy_function *f, json_t *numbers, FILE *text);
};

extern const struct policy_ops policy_medes, policy_fixed, policy_adaptive;

/* NULL: there is none of that name; policy_names() lists them, comma between. */
const struct policy_ops *policy_find(const char *name);
const char *policy_names(void);

void policy_init(struct policy *p, const struct policy_ops *ops);
void policy_params_default(struct policy_params *params);
void policy_params_scale(struct policy_params *params, double factor);

/*
 * One parameter by name and text, as in [Policy] of medesd.conf, in a function's
 * spec and in PUT /v1/policy. 0, or -EINVAL / -ERANGE / -ENOENT with the reason in error.
 */
int policy_params_set(struct policy_params *params, const char *key, const char *value,
		      char *error, size_t size);
json_t *policy_params_json(const struct policy_params *params);

/* Everything: the policy's decisions, then what lack of memory adds. */
void policy_decide(const struct policy *p, struct policy_view *view);

/*
 * Only frees memory: marks sandboxes to be deduplicated or purged until @bytes are
 * reached. Returns the bytes that the marked ones will free; less when nothing is left.
 */
double policy_make_room(const struct policy *p, struct policy_view *view, double bytes);

/*
 * {"function", "policy", "numbers": {...}, "decisions": [...], "text": "..."} for the function
 * at @index after policy_decide(). A new reference; NULL for lack of memory.
 */
json_t *policy_explain(const struct policy *p, const struct policy_view *view, size_t index);

#endif /* MEDESD_POLICY_H */
