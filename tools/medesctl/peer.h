/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peers, as users name them.
 */
#ifndef MEDESCTL_PEER_H
#define MEDESCTL_PEER_H

#include "ctl.h"
#include "share.h"

int parse_port(const char *text, uint16_t *port);
int peer_find(struct medes_nl *nl, const char *name, struct medes_peer *peer);

#endif /* MEDESCTL_PEER_H */
