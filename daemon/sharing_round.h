/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the bases of other nodes: what sharing.c and sharing_act.c share.
 */
#ifndef MEDESD_SHARING_ROUND_H
#define MEDESD_SHARING_ROUND_H

#include "nl.h"
#include "nodes.h"
#include "share_plan.h"

struct round {
	struct nodes *nodes;
	struct medes_nl *nl;
	struct medes_bases list;
	struct medes_sandboxes sandboxes;
	struct share_base *bases;
	struct share_offer *offers;
	size_t n_offers;
};

void sharing_carry_out(const struct share_action *action, void *arg);

#endif /* MEDESD_SHARING_ROUND_H */
