/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster of medesd.conf, for the module.
 */
#ifndef MEDESD_CLUSTER_H
#define MEDESD_CLUSTER_H

struct daemon;

void cluster_up(struct daemon *d);

#endif /* MEDESD_CLUSTER_H */
