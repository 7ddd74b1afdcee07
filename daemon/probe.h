/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks a new sandbox whether it can serve, until it says yes.
 */
#ifndef MEDESD_PROBE_H
#define MEDESD_PROBE_H

#include <event2/event.h>

struct probe;

/* error NULL: it can serve. From the loop; the probe may be freed from there. */
typedef void (*probe_fn)(const char *error, void *arg);

struct probe *probe_start(struct event_base *events, unsigned int port, const char *path,
			  unsigned int timeout_ms, probe_fn done, void *arg);
void probe_free(struct probe *probe);

#endif /* MEDESD_PROBE_H */
