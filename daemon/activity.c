// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sources of activity: eBPF where the kernel and our rights allow it, else cpu.stat. That
 * is found out when the first cgroup is to be watched, so that nobody pays for it who
 * watches none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "activity.h"
#include "log.h"

struct activity {
	bool ebpf;			/* to be tried */
	const struct activity_source *source;	/* NULL: not chosen yet */
	void *private;
	char why[CGROUP_ERROR];
};

struct activity *activity_new(bool ebpf)
{
	struct activity *activity = calloc(1, sizeof(*activity));

	if (activity)
		activity->ebpf = ebpf;
	return activity;
}

void activity_free(struct activity *activity)
{
	if (!activity)
		return;
	if (activity->source)
		activity->source->close(activity->private);
	free(activity);
}

static int choose(struct activity *activity, char *error)
{
	int err;

	if (activity->source)
		return 0;
	if (!activity->ebpf)
		snprintf(activity->why, sizeof(activity->why), "Ebpf=no");
	else if (!activity_ebpf.open(&activity->private, activity->why))
		activity->source = &activity_ebpf;
	if (activity->source)
		return 0;
	err = activity_cpu_stat.open(&activity->private, error);
	if (err)
		return err;
	activity->source = &activity_cpu_stat;
	log_notice("watched sandboxes are told to be idle by polling cpu.stat, not by eBPF: %s",
		   activity->why);
	return 0;
}

/**
 * activity_add() - watch a cgroup
 * @activity: what watches
 * @cgroup: the cgroup
 * @now: us; what it ran before does not count
 * @out: receives what is known of it
 * @error: receives why not
 */
int activity_add(struct activity *activity, const struct cgroup *cgroup, uint64_t now,
		 struct activity_cgroup *out, char error[CGROUP_ERROR])
{
	struct stat st;
	int err = choose(activity, error);

	if (err)
		return err;
	/* a cgroup's id is its inode's number */
	if (stat(cgroup->path, &st)) {
		err = -errno;
		return cgroup_fail(error, err, "cgroup %.160s: %s", cgroup->path, strerror(-err));
	}
	*out = (struct activity_cgroup){ .cgroup = *cgroup, .id = st.st_ino };
	out->source = activity->source;
	err = out->source->add(activity->private, out, error);
	if (err == -ENOSPC) {
		log_info("%s is watched by polling cpu.stat: %s", cgroup->path, error);
		out->source = &activity_cpu_stat;
		err = out->source->add(activity->private, out, error);
	}
	if (err) {
		out->source = NULL;
		return err;
	}
	activity_look(activity, out, now);
	out->sum.last = now;
	return 0;
}

void activity_remove(struct activity *activity, struct activity_cgroup *cg)
{
	if (cg->source)
		cg->source->remove(activity->private, cg);
	cg->source = NULL;
}

bool activity_look(struct activity *activity, struct activity_cgroup *cg, uint64_t now)
{
	return cg->source->look(activity->private, cg, now);
}

const char *activity_name(const struct activity *activity, const char **why)
{
	*why = activity->why[0] ? activity->why : NULL;
	return activity->source ? activity->source->name : NULL;
}
