/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What valkey.c and valkey_send.c share.
 */
#ifndef MEDESD_VALKEY_PARTS_H
#define MEDESD_VALKEY_PARTS_H

#include "topology.h"
#include "valkey.h"

TAILQ_HEAD(requests, valkey_request);

struct valkey_request {
	TAILQ_ENTRY(valkey_request) link;
	struct valkey *valkey;
	struct server *server;		/* NULL: not sent */
	struct event *deadline;
	valkey_fn fn;			/* NULL: told, or nobody wants to know */
	valkey_part_fn part;
	void *arg;
	unsigned int slot;
	unsigned int redirections;
	bool counted;			/* by the breaker */
	enum valkey_result result;	/* for one that could not be sent */
	char *text;
	size_t len;
};

struct valkey {
	struct topology topology;
	struct requests requests;
	struct event *tick;
	struct timeval timeout;
	bool closing;
	struct valkey_stats stats;
	char user[64], password[512], name[256];
};

void valkey_note(struct valkey *v, const char *error);
void valkey_request_free(struct valkey_request *r);
/* what servers have to say to a request */
void valkey_on_reply(redisAsyncContext *context, void *reply, void *arg);
bool valkey_on_part(void *arg, size_t at, const char *text, size_t len);

#endif /* MEDESD_VALKEY_PARTS_H */
