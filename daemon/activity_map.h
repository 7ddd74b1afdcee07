/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What activity.bpf.c and activity_ebpf.c share.
 */
#ifndef MEDESD_ACTIVITY_MAP_H
#define MEDESD_ACTIVITY_MAP_H

#define ACTIVITY_CGROUPS 16384		/* watched at once */
#define ACTIVITY_LEVELS 4		/* depths in the hierarchy that watched ones are at */

struct activity_seen {
	unsigned long long ran;		/* ns */
	unsigned long long last;	/* ns, CLOCK_MONOTONIC */
};

#endif /* MEDESD_ACTIVITY_MAP_H */
