/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The controller: functions, their sandboxes ("boxes") and the requests ("calls")
 * that want one.
 *
 *	call.c		a request, from its acceptance to its end
 *	sched.c		which box a call gets
 *	admit.c		is there memory for it
 *	box.c		a box's states, and what the host says about it
 *	life.c		carries out what the policy decides
 *	function.c	functions, and what they had
 *
 * None of these knows the machine. Time comes from clock.h, random numbers from
 * random.h, and whatever is done to processes goes through struct host_ops: the
 * daemon's is host.c, the tests have a simulated one.
 */
#ifndef MEDESD_CONTROL_H
#define MEDESD_CONTROL_H

#include <sys/queue.h>
#include <uthash.h>
#include "clock.h"
#include "measure.h"
#include "policy.h"
#include "random.h"
#include "spec.h"

#define CONTROL_ERROR 256

struct box;
struct call;
struct control;
struct function;

/*
 * What the controller needs of a machine. None of them calls back from within; what
 * they begin ends, whatever happens, with the call that stands beside it.
 */
struct host_ops {
	/* box_started(), box_ended(). A negative errno: nothing has begun, error says why. */
	int (*start)(void *host, struct box *box, char error[CONTROL_ERROR]);
	/* box_ended(). An adopted one is only let go. */
	void (*end)(void *host, struct box *box);
	/* box_deduped() */
	void (*dedup)(void *host, struct box *box, bool demarcate);
	/*
	 * Deduplicated, or on its way there: let it go on, and bring its working set
	 * back meanwhile. box_awake() once it can serve, then box_restored().
	 */
	void (*wake)(void *host, struct box *box);
	/* Bytes it takes now; 0: not known. @whole: bytes that it would take warm, all of it. */
	double (*memory)(void *host, const struct box *box, double *whole);
	/* Bytes available on the machine, stalls for memory (PSI some avg10, %). */
	bool (*pressure)(void *host, double *available, double *stalled);
	/* Bytes that deduplication takes and that no box owns: bases, tables. */
	double (*overhead)(void *host);
	/* Bring function->bases up to date. */
	void (*bases)(void *host);
	/* Use it no more; drop it if nothing refers to it. */
	void (*retire)(void *host, uint64_t base);
	/* Can it deduplicate at all, now? */
	bool (*dedups)(void *host);
};

/* A base that was made of a box of a function. */
struct base {
	TAILQ_ENTRY(base) link;
	uint64_t id;
	uint64_t users;
	bool leased;			/* other nodes read it */
	uint64_t made;			/* us; when it was first seen */
	bool retired;
	bool import;			/* of another node's */
	bool seen;			/* for host_ops.bases() */
};

struct control_limits {
	double capacity;		/* bytes that boxes may take in all; 0: no limit */
	double floor;			/* bytes that must stay available on the machine */
	double assumed;			/* bytes of a box of which nothing is known */
	unsigned int max_boxes;
	unsigned int max_calls;		/* waiting or running */
	unsigned int max_dedup_starts;	/* restores at once */
	unsigned int max_dedups;	/* deduplications at once */
};

/* Somebody who wants to know what happens; data is an object, no reference is given. */
typedef void (*control_listener)(void *arg, const char *domain, const char *type, json_t *data);

struct control {
	struct clock *clock;
	struct rng rng;
	const struct host_ops *ops;
	void *host;
	struct control_limits limits;
	struct policy policy;

	struct function *functions;	/* by key */
	struct box *boxes;		/* by name */
	uint32_t serial;		/* of the last box */
	unsigned int n_calls;
	unsigned int n_deduping;
	unsigned int n_restoring;
	TAILQ_HEAD(, function) waiting;	/* have calls in their queue, longest wait first */

	struct timer tick;
	struct timer soon;		/* a kick of all functions that wait */
	uint64_t steered_until;		/* us: another controller decides until then */
	bool ending;

	control_listener listener;
	void *listener_arg;
	uint64_t dedups, purges, prewarms, losses, dedups_failed;
};

struct control *control_new(struct clock *clock, uint64_t seed, const struct host_ops *ops,
			    void *host);
void control_end_calls(struct control *c);
void control_free(struct control *c);
void control_policy_changed(struct control *c);
void control_kick_soon(struct control *c);

void control_tell(struct control *c, const char *domain, const char *type, json_t *data);

/* life.c */
void life_start(struct control *c);
void life_hurry(struct control *c);	/* ask the policy now, from the loop */
bool life_make_room(struct control *c, double bytes);
bool life_purge(struct box *box, const char *why);
unsigned int life_prewarm(struct function *f, unsigned int n, const char *why);
void life_tell(struct function *f, struct box *box, const char *action, const char *why);
json_t *life_explain(struct control *c, struct function *f);

/* admit.c */
double admit_box(const struct box *box);
double admit_new_box(const struct function *f);
double admit_used(const struct control *c);
double admit_reserve(const struct control *c);
bool admit_start(struct function *f, bool make_room);
bool admit_restore(struct box *box);

#endif /* MEDESD_CONTROL_H */
