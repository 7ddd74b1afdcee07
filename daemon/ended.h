/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of a process.
 */
#ifndef MEDESD_ENDED_H
#define MEDESD_ENDED_H

#include <stdbool.h>

/* Its wait status, and it is reaped if it is our child. false: not known, or not yet. */
bool ended_status(int pidfd, int *status);

#endif /* MEDESD_ENDED_H */
