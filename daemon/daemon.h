/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of medesd, in one place. Everything runs in one thread, in the
 * event loop; nothing in the daemon is locked.
 */
#ifndef MEDESD_DAEMON_H
#define MEDESD_DAEMON_H

#include <event2/event.h>
#include "bases.h"
#include "config.h"

struct daemon {
	struct config config;
	struct event_base *events;
	struct kernel *kernel;
	struct engine *engine;
	struct registry *registry;	/* what the engine has of our own bases */
	struct leases *leases;
	struct bases *bases;
	struct bases_waiter learned;	/* of the node role, see node.c */
	uint64_t losses_since;		/* us; likewise: the period in which so many were logged */
	unsigned int losses_logged;
	struct jobs *jobs;
	struct badness *badness;
	struct settler *settler;
	struct http *http;
	struct auth *auth;		/* NULL: no token is known */
	struct tls *tls;		/* NULL: in no cluster whose daemons talk to each other */
	struct nodes *nodes;
	struct catalogue *catalogue;	/* revisions of the functions */
	struct obey *obey;		/* the controller's commands to this node */
	struct replays *replays;	/* requests that it sent, by id */
	struct steer *steer;		/* ours to the nodes, while we lead */
	struct fronts *fronts;		/* requests of clients, on their way to a node */
	/* the controller role */
	struct clock *clock;
	struct control *control;
	struct host *host;
	struct streams *streams;
};

#endif /* MEDESD_DAEMON_H */
