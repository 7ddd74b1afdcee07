/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When do the processes of a cgroup run? Two sources know: an eBPF program in the scheduler,
 * and cpu.stat, which has to be read again and again. What they say is the same; the
 * program knows the moment as well, and costs nothing to look at.
 *
 * What the kernel module does to a sandbox is done by threads of its own, which are in other
 * cgroups, so it does not count. A frozen cgroup does not run.
 */
#ifndef MEDESD_ACTIVITY_H
#define MEDESD_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>
#include "cgroup.h"

struct activity;

/* Of a cgroup, with those below it; since it is watched, or since it was made. */
struct activity_sum {
	uint64_t ran;			/* us on processors */
	uint64_t last;			/* us, CLOCK_MONOTONIC: when it was last seen running */
};

struct activity_cgroup {
	const struct activity_source *source;	/* NULL: not watched */
	struct cgroup cgroup;
	uint64_t id;
	struct activity_sum sum;	/* of the last look */
};

/* 0 or a negative errno, and error says why */
struct activity_source {
	const char *name;
	int (*open)(void **private, char error[CGROUP_ERROR]);
	void (*close)(void *private);
	int (*add)(void *private, struct activity_cgroup *cg, char error[CGROUP_ERROR]);
	void (*remove)(void *private, struct activity_cgroup *cg);
	/* Brings the sum up to date; false: the cgroup has gone. */
	bool (*look)(void *private, struct activity_cgroup *cg, uint64_t now);
};

extern const struct activity_source activity_ebpf, activity_cpu_stat;

struct activity *activity_new(bool ebpf);
void activity_free(struct activity *activity);
int activity_add(struct activity *activity, const struct cgroup *cgroup, uint64_t now,
		 struct activity_cgroup *out, char error[CGROUP_ERROR]);
void activity_remove(struct activity *activity, struct activity_cgroup *cg);
bool activity_look(struct activity *activity, struct activity_cgroup *cg, uint64_t now);

/* NULL: nothing was watched yet. why: it is not the better one, or NULL. */
const char *activity_name(const struct activity *activity, const char **why);

#endif /* MEDESD_ACTIVITY_H */
