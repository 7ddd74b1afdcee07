/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this node offers, and which peers its kernel has.
 */
#ifndef MEDESD_OWN_H
#define MEDESD_OWN_H

#include "nl.h"
#include "nodes.h"

bool own_offers(struct nodes *nodes, struct medes_nl *nl, struct medes_bases *list);
void own_peers(struct nodes *nodes, struct medes_nl *nl);
bool own_has_self(const struct nodes *nodes);
void own_peer_self(struct nodes *nodes, struct medes_nl *nl);

#endif /* MEDESD_OWN_H */
