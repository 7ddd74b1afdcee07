// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The leader of the cluster, from whatever there is to tell it: an election among the daemons
 * that stand for it (election.c, with Valkey), or the name in the configuration. And what
 * this node obeys (epoch.c), which has the last word, also over its own daemon.
 *
 * A leader by configuration takes a new epoch each time it starts, so that what an earlier
 * life of it may still have on the way is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon.h"
#include "election.h"
#include "epoch.h"
#include "leases.h"
#include "log.h"
#include "remote.h"
#include "roster.h"

struct leases {
	const struct config *config;
	struct epoch epoch;
	struct election *election;	/* NULL: the configuration says who leads */
	struct roster *roster;		/* NULL: without Valkey */
	uint64_t stated;		/* our epoch, if it says that we do */
};

/**
 * leases_obey() - may a controller steer this node
 * @l: the leases
 * @epoch: the controller's
 * @controller: its name
 * @error: receives why not
 * @size: of @error
 *
 * Return: as epoch_accept(); -ESTALE also without leases: such a node obeys nobody.
 */
int leases_obey(struct leases *l, uint64_t epoch, const char *controller, char *error,
		size_t size)
{
	int err = epoch_accept(&l->epoch, epoch, controller, error, size);

	if (!err && l->election && strcmp(controller, l->config->node))
		election_outbid(l->election, epoch);
	return err;
}

/* The own node is steered like any other. */
static void on_change(void *arg)
{
	struct leases *l = arg;
	char error[256];
	uint64_t epoch;

	if (!election_leads(l->election, &epoch) ||
	    !epoch_accept(&l->epoch, epoch, l->config->node, error, sizeof(error)))
		return;
	log_warning("%s", error);
	election_outbid(l->election, l->epoch.number);
}

static int begin_election(struct leases *l, struct daemon *d)
{
	const struct election_settings election = {
		.cluster = l->config->cluster, .id = l->config->node,
		.lease = l->config->lease, .floor = l->epoch.number,
		.changed = on_change, .arg = l,
	};
	const struct roster_settings roster = {
		.cluster = l->config->cluster, .node = l->config->node,
		.about = "medesd " MEDES_VERSION, .lease = l->config->lease,
	};
	struct valkey *valkey = remote_valkey(d->engine);

	l->roster = roster_new(d->events, valkey, &roster);
	if (!l->roster)
		return -1;
	if (!l->config->candidate)
		return 0;
	l->election = election_new(d->events, valkey, &election);
	return l->election ? 0 : -1;
}

static int lead_as_stated(struct leases *l)
{
	char error[256];

	if (epoch_accept(&l->epoch, l->epoch.number + 1, l->config->node, error, sizeof(error))) {
		log_error("%s", error);
		return -1;
	}
	l->stated = l->epoch.number;
	log_notice("this controller leads by the configuration, epoch %llu",
		   (unsigned long long)l->stated);
	return 0;
}

/**
 * leases_new() - find out who leads
 * @daemon: the daemon, with its engine
 *
 * Return: the leases, or NULL with a line in the log.
 */
struct leases *leases_new(struct daemon *daemon)
{
	struct leases *l = calloc(1, sizeof(*l));
	char error[512];
	int err = 0;

	if (!l)
		return NULL;
	l->config = &daemon->config;
	if (l->config->cluster[0] &&
	    epoch_load(&l->epoch, l->config->state, error, sizeof(error))) {
		log_error("%s", error);
		goto err;
	}
	if (l->config->valkey)
		err = begin_election(l, daemon);
	else if (l->config->controller[0] && !strcmp(l->config->controller, l->config->node))
		err = lead_as_stated(l);
	if (!err)
		return l;
err:
	leases_free(l);
	return NULL;
}

/**
 * leases_leads() - may this controller give commands, now
 * @l: the leases
 * @epoch: receives what they carry
 */
bool leases_leads(const struct leases *l, uint64_t *epoch)
{
	if (l->election)
		return election_leads(l->election, epoch) &&
		       !strcmp(l->epoch.controller, l->config->node) &&
		       l->epoch.number == *epoch;
	*epoch = l->stated;
	return l->stated && l->epoch.number == l->stated;
}

/* Whom this node has obeyed last; controller may be NULL. */
void leases_obeyed(const struct leases *l, uint64_t *epoch, const char **controller)
{
	*epoch = l->epoch.number;
	if (controller)
		*controller = l->epoch.controller;
}

/**
 * leases_outbid() - a node has refused a command: it obeys a higher epoch, or another's
 * @l: the leases; this controller leads again only under a higher one
 * @epoch: the node's
 *
 * Who leads by the configuration takes one at once: the file says that there is no other.
 */
void leases_outbid(struct leases *l, uint64_t epoch)
{
	char error[256];

	if (l->election) {
		election_outbid(l->election, epoch);
		return;
	}
	if (!l->stated || epoch < l->stated)
		return;
	if (epoch_accept(&l->epoch, epoch + 1, l->config->node, error, sizeof(error))) {
		log_error("%s", error);
		return;
	}
	l->stated = l->epoch.number;
	log_warning("a node obeys epoch %llu: this controller goes on with %llu",
		    (unsigned long long)epoch, (unsigned long long)l->stated);
}

static void add_node(const struct roster_node *node, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s,s:b,s:s}", "node", node->name,
					     "alive", node->alive, "about", node->about));
}

json_t *leases_json(const struct leases *l)
{
	const char *leader = l->config->controller;
	json_t *nodes = json_array();
	uint64_t epoch;
	bool leads = leases_leads(l, &epoch);

	if (l->election)
		leader = election_leader(l->election, &epoch);
	if (l->roster)
		roster_each(l->roster, add_node, nodes);
	return json_pack("{s:s?,s:b,s:I,s:I,s:s?,s:o}",
			 "leader", *leader ? leader : NULL,
			 "leads", leads,
			 "epoch", (json_int_t)epoch,
			 "obeyed_epoch", (json_int_t)l->epoch.number,
			 "obeyed_controller", *l->epoch.controller ? l->epoch.controller : NULL,
			 "nodes", nodes);
}

/* The next one need not wait for our lease to end. */
void leases_free(struct leases *l)
{
	if (!l)
		return;
	if (l->election)
		election_resign(l->election);
	election_free(l->election);
	roster_free(l->roster);
	free(l);
}
