/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Daemons of a cluster on one simulated clock: medesd's own controller, its nodes' ends and their
 * schedulers, on simulated machines and a network whose messages can be held back and lost.
 */
#ifndef SIMCLUSTER_H
#define SIMCLUSTER_H

#include "daemon.h"
#include "simhost.h"
#include "steer.h"

#define SIM_NODES 3

struct sim_node {
	struct daemon d;
	struct sim *sim;
	struct steer_transport transport;
	struct sim_cluster *of;
	char name[16];
	char state[32];			/* directory */
	bool dead;			/* answers nothing, and its controller says nothing */
	bool deaf;			/* hears no command */
	bool mute;			/* hears and obeys, but no answer arrives */
	unsigned int heard;		/* commands */
	unsigned int lost;		/* told by the transport's user */
};

struct sim_cluster {
	struct clock *clock;
	struct sim_node nodes[SIM_NODES];
	unsigned int n_messages;	/* under way */
};

struct sim_cluster *sim_cluster_new(void);
void sim_cluster_free(struct sim_cluster *c);
void sim_cluster_run(struct sim_cluster *c, double seconds);
/* That one leads, by its configuration; the others do no more. */
void sim_cluster_lead(struct sim_cluster *c, unsigned int node);
/* A function of the cluster, given to whoever leads. */
void sim_cluster_function(struct sim_cluster *c, unsigned int leader, const char *name,
			  const char *spec);
struct function *sim_cluster_find(struct sim_cluster *c, unsigned int node, const char *name);

#endif /* SIMCLUSTER_H */
