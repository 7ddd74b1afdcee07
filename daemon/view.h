/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cluster's controller knows of a node: its last report.
 */
#ifndef MEDESD_VIEW_H
#define MEDESD_VIEW_H

#include <jansson.h>
#include <uthash.h>
#include "known.h"
#include "policy.h"

struct view_box {
	char name[MEDES_NAME_SIZE];
	enum policy_state state;
	uint64_t idle_since;		/* us, by this machine's clock */
	double memory;
	bool adopted, stuck;
	bool foreign;			/* serves somebody else */
	bool stranded;			/* gets no request: nobody gives its pages now */
	bool demarcates;		/* a base is being made of it */
};

struct view_base {
	uint64_t id;
	uint64_t digest;		/* 0: not offered to others */
	uint64_t users;
	unsigned int leases;
	uint64_t made;			/* us */
	bool import, retired;
};

struct view_function {
	UT_hash_handle hh;
	struct known known;
	bool backs_off;
	unsigned int queued;
	double new_box;			/* bytes that one more is going to take */
	json_t *measure;
	struct view_box *boxes;
	size_t n_boxes;
	struct view_base *bases;
	size_t n_bases;
	/* of the boxes: for the controller's requests, now or soon; and for none as long as it is so */
	unsigned int warm, asleep, starting, stranded;
};

struct view {
	char life[24];
	bool serves, cordoned, draining, dedups;
	int dedups_free, restores_free, boxes_free;
	bool memory_known;
	double available, stalled, floor, capacity, used, overhead, reserve;
	struct view_function *functions;
	unsigned int in[POLICY_STATES];
	unsigned int n_bases, n_imports;
};

struct view *view_parse(const json_t *report, uint64_t now, char *error, size_t size);
void view_free(struct view *v);
struct view_function *view_find(const struct view *v, const char *domain, const char *name);
double view_room(const struct view *v);

#endif /* MEDESD_VIEW_H */
