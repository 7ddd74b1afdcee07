/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which servers there are, and which has a slot.
 */
#ifndef MEDESD_TOPOLOGY_H
#define MEDESD_TOPOLOGY_H

#include "server.h"

TAILQ_HEAD(servers, server);

struct topology {
	struct server_common common;
	struct servers servers;
	struct server *of_slot[SLOTS];	/* NULL: nobody known */
	bool asking;			/* CLUSTER SLOTS is on its way */
	uint64_t next;			/* when to ask the next time */
	uint64_t not_before;		/* for who wants it sooner */
};

bool topology_seed(struct topology *t, const char *host, uint16_t port);
struct server *topology_find(struct topology *t, const char *host, uint16_t port);
void topology_tick(struct topology *t, uint64_t now);
void topology_stale(struct topology *t, uint64_t now);
void topology_free(struct topology *t);

#endif /* MEDESD_TOPOLOGY_H */
