/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients' requests that another node serves.
 */
#ifndef MEDESD_FRONT_H
#define MEDESD_FRONT_H

#include <event2/keyvalq_struct.h>
#include "http.h"

/* The status by which a node says that it is not the controller. */
#define FRONT_MISDIRECTED 421

struct fronts;
struct function;

struct fronts *fronts_new(struct daemon *d);
void fronts_free(struct fronts *fs);
void fronts_lost(struct fronts *fs, const char *node);
json_t *fronts_json(const struct fronts *fs);

/* False: it is this node's to serve. */
bool front_take(struct request *r, struct function *f);
/* False: there is nobody who may know the function. */
bool front_ask(struct request *r, const char *domain);
/* One that another node has passed on to the controller. */
void front_arrived(struct request *r, struct function *f);
/* Headers that are between daemons. */
void front_strip(struct evkeyvalq *headers);

#endif /* MEDESD_FRONT_H */
