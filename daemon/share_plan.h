/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a node does about the bases that others offer: decided here, carried out by
 * sharing.c. Knows neither the kernel nor the network, so that tests can ask it anything.
 */
#ifndef MEDESD_SHARE_PLAN_H
#define MEDESD_SHARE_PLAN_H

#include "medes.h"
#include "offer.h"

/* An offer, and what is known of who makes it. */
struct share_offer {
	const struct offer *offer;
	uint32_t peer;			/* 0: the kernel knows no such peer */
	bool ours;			/* this node's own */
	bool fresh;			/* said just now; a node that is away has no say */
	bool cordoned;
	bool draining;
};

struct share_base {
	const struct medes_base *base;
	uint64_t digest;		/* of its pages, when they are here; else 0 */
	bool keep;			/* somebody is at work with it */
};

struct share_view {
	const struct share_base *bases;	/* all that the kernel has */
	size_t n_bases;
	const struct share_offer *offers;
	size_t n_offers;
	/* May sandboxes of that domain come to be here? */
	bool (*wanted)(const char *domain, void *arg);
	/* Is one of such a domain worth to be imported? NULL: all are */
	bool (*worth)(const struct share_offer *offer, void *arg);
	/* Has that peer a daemon that we ask? Others are none of our business. */
	bool (*asked)(uint32_t peer, void *arg);
	bool no_self;			/* this node cannot be its own peer */
	void *arg;
};

enum share_kind {
	SHARE_IMPORT,			/* make a base of offers */
	SHARE_ADD,			/* another replica: offers[0] */
	SHARE_LEAVE,			/* read it from peer no more */
	SHARE_RESTORE,			/* bring back what depends on it */
	SHARE_DROP,			/* the import has no use */
	SHARE_SELF,			/* this node has to be a peer of its own */
};

struct share_action {
	enum share_kind kind;
	uint64_t base;			/* the import; 0 for SHARE_IMPORT */
	uint32_t peer;			/* SHARE_LEAVE */
	const struct share_offer *offers[MEDES_REPLICAS_MAX];
	size_t n;
};

typedef void (*share_act)(const struct share_action *action, void *arg);

void share_plan(const struct share_view *view, share_act act, void *arg);

#endif /* MEDESD_SHARE_PLAN_H */
