/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that the cluster's controller sent to this node, by id: each runs once, however often
 * it comes.
 */
#ifndef MEDESD_REPLAY_H
#define MEDESD_REPLAY_H

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include "http.h"

#define REPLAY_ID 80

struct replay;
struct replays;

struct replays *replays_new(struct clock *clock);
void replays_free(struct replays *rs);

struct replay *replay_find(struct replays *rs, const char *id);
struct replay *replay_begin(struct replays *rs, const char *id, void *running);
void *replay_running(const struct replay *re);	/* NULL: it has ended */
void replay_end(struct replay *re, int status, const struct evkeyvalq *headers,
		struct evbuffer *body);
void replay_refused(struct replay *re, int status, const char *why);
void replay_forget(struct replay *re);
void replay_answer(struct replay *re, struct request *r);

#endif /* MEDESD_REPLAY_H */
