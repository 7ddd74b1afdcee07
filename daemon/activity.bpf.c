// SPDX-License-Identifier: GPL-2.0
/*
 * In the kernel: when did a watched cgroup run, and how much?
 *
 * sched_stat_runtime tells of each stretch that a task has run, where the kernel charges
 * it to cpu.stat: when it leaves the processor, and at ticks before that, so one that never
 * leaves is seen, too. Only cgroups in the map count; a task deeper in the hierarchy runs for
 * the one above it, so those depths are looked at that have any.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "activity_map.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ACTIVITY_CGROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct activity_seen);
} seen SEC(".maps");

/* Ascending, 0: no more. Set by the daemon before it enters a cgroup of that depth. */
unsigned int levels[ACTIVITY_LEVELS];

static void note(u64 id, u64 runtime)
{
	struct activity_seen *entry = bpf_map_lookup_elem(&seen, &id);

	if (!entry)
		return;
	__sync_fetch_and_add(&entry->ran, runtime);
	entry->last = bpf_ktime_get_ns();
}

SEC("tp_btf/sched_stat_runtime")
int BPF_PROG(on_runtime, struct task_struct *task, u64 runtime)
{
	u32 depth = task->cgroups->dfl_cgrp->level;
	struct cgroup *own, *above;
	u32 i, level;

	if (depth < levels[0])
		return 0;
	own = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	for (i = 0; i < ACTIVITY_LEVELS; i++) {
		level = levels[i];
		if (!level || level > depth)
			break;
		if (bpf_core_read(&above, sizeof(above), &own->ancestors[level]))
			break;
		note(BPF_CORE_READ(above, kn, id), runtime);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
