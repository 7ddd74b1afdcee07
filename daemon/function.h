/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function: its spec, its boxes, the calls that wait, what was measured.
 */
#ifndef MEDESD_FUNCTION_H
#define MEDESD_FUNCTION_H

#include "box.h"
#include "call.h"
#include "control.h"

#define FUNCTION_KEY (2 * MEDES_NAME_SIZE)

struct function {
	UT_hash_handle hh;
	TAILQ_ENTRY(function) waiting;	/* while queued is not 0 */
	struct control *control;
	char key[FUNCTION_KEY];		/* domain/name */
	char domain[MEDES_NAME_SIZE];
	struct spec spec;
	struct policy_params params;
	bool deleted;			/* freed with its last box */

	TAILQ_HEAD(box_list, box) boxes;	/* used last first */
	unsigned int n_boxes;
	unsigned int in[BOX_STATES];

	TAILQ_HEAD(call_list, call) queue;
	unsigned int queued;

	struct measure measure;
	TAILQ_HEAD(, base) bases;

	/* starts that failed, one after the other */
	unsigned int failures;
	uint64_t backoff_until;		/* us */
	struct timer backoff;
	char error[CONTROL_ERROR];	/* of the last failure */
	const char *stalled;		/* why the queue waits, for whoever gives up */

	uint64_t failed;		/* calls: 502, 504 */
	uint64_t refused;		/* 429, 503 */
	uint64_t retried;
	uint64_t crashes;		/* boxes that ended without being told to */
};

struct function *function_find(struct control *c, const char *domain, const char *name);

/*
 * Adds it, or gives one that is there a new spec, which is taken over. NULL: no memory,
 * and the spec is cleared.
 */
struct function *function_put(struct control *c, const char *domain, struct spec *spec);
void function_delete(struct function *f);
void function_discard(struct function *f);	/* without boxes */
void function_drop_if_unused(struct function *f);

/* A box ended before it was ready, or without being told to. */
void function_failed(struct function *f, const char *why);
void function_good(struct function *f);
bool function_backs_off(const struct function *f);

struct base *function_base(struct function *f, uint64_t id);
void function_forget_bases(struct function *f, bool all);

json_t *function_json(const struct function *f);

#endif /* MEDESD_FUNCTION_H */
