/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections to other nodes, kept for requests.
 */
#ifndef MEDESD_REACH_H
#define MEDESD_REACH_H

#include "daemon.h"
#include "forward.h"

struct reach;

struct reach *reach_new(struct daemon *d);
void reach_free(struct reach *reach);		/* nothing is in flight */
struct lines *reach_lines(struct reach *reach, const char *node);

#endif /* MEDESD_REACH_H */
