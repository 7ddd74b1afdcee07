/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking this node out of the cluster without harm.
 */
#ifndef MEDESD_DRAIN_H
#define MEDESD_DRAIN_H

#include "nodes.h"

void drain_begin(struct nodes *nodes);
void drain_end(struct nodes *nodes);
void drain_step(struct nodes *nodes);
void drain_free(struct nodes *nodes);
bool drain_gives_up(const struct nodes *nodes, uint64_t base);
json_t *drain_json(const struct nodes *nodes);

#endif /* MEDESD_DRAIN_H */
