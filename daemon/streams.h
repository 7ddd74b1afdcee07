/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Readers of events.
 */
#ifndef MEDESD_STREAMS_H
#define MEDESD_STREAMS_H

#include "http.h"

struct streams;

struct streams *streams_new(struct daemon *daemon);
void streams_free(struct streams *s);

/* A control_listener. */
void streams_tell(void *streams, const char *domain, const char *type, json_t *data);

/* GET /v1/events */
void streams_add(struct request *r);

#endif /* MEDESD_STREAMS_H */
