/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nodes of the cluster, and which of them are alive.
 */
#ifndef MEDESD_ROSTER_H
#define MEDESD_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include "medes.h"

#define ROSTER_ABOUT 160

struct event_base;
struct valkey;
struct roster;

struct roster_settings {
	const char *cluster;
	const char *node;		/* empty: only looks */
	const char *about;		/* what others should know of it, such as its address */
	unsigned int lease;		/* ms */
	/* a node has come, or gone, or says something else; may be NULL */
	void (*changed)(const char *node, bool alive, void *arg);
	void *arg;
};

struct roster_node {
	char name[MEDES_NAME_SIZE];
	char about[ROSTER_ABOUT];
	bool alive;
};

struct roster *roster_new(struct event_base *events, struct valkey *valkey,
			  const struct roster_settings *settings);
void roster_free(struct roster *r);
const struct roster_node *roster_find(const struct roster *r, const char *node);
void roster_each(const struct roster *r, void (*fn)(const struct roster_node *node, void *arg),
		 void *arg);
void roster_forget(struct roster *r, const char *node);

#endif /* MEDESD_ROSTER_H */
