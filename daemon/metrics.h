/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that write /metrics share, and what each of them writes.
 */
#ifndef MEDESD_METRICS_H
#define MEDESD_METRICS_H

#include <stdbool.h>
#include <event2/buffer.h>

struct daemon;
struct nodes;

/* name: without "medes_" and "_total" */
void metrics_family(struct evbuffer *out, const char *name, bool counter, const char *help);
void metrics_one(struct evbuffer *out, const char *name, bool counter, const char *help,
		 double number);

/* nodes_metrics.c, steer_metrics.c */
void nodes_metrics(const struct nodes *nodes, struct evbuffer *out);
void steer_metrics(const struct daemon *d, struct evbuffer *out);

#endif /* MEDESD_METRICS_H */
