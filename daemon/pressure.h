/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How short the machine is of memory: what is available, and how much of the time
 * something waits for it.
 */
#ifndef MEDESD_PRESSURE_H
#define MEDESD_PRESSURE_H

#include <event2/event.h>
#include <stdbool.h>

#define PRESSURE_FILE "/proc/pressure/memory"

/*
 * Call pressed() as soon as tasks have stalled for more than so many percent of a second, rather
 * than when somebody looks next. NULL: there is no such thing here; the log says why.
 */
struct pressure *pressure_new(struct event_base *events, const char *file, double percent,
			      void (*pressed)(void *arg), void *arg);
void pressure_free(struct pressure *p);

/* Bytes that could be allocated without swapping. False: not known. */
bool pressure_available(double *bytes);

/* Share of the last ten seconds in which something waited for memory, %; 0: not known. */
double pressure_stalled(const char *file);

#endif /* MEDESD_PRESSURE_H */
