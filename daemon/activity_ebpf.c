// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Activity by eBPF: the program is loaded once, and runs only while something is watched.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "activity.h"
#include "activity.skel.h"
#include "activity_map.h"
#include "log.h"

struct ebpf {
	struct activity_bpf *bpf;
	unsigned int at[ACTIVITY_LEVELS];	/* cgroups at bpf->bss->levels[] */
	size_t n;
};

/* What libbpf says about a kernel that lacks something is for whoever debugs it. */
static int say(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("%s", text);
	return 0;
}

static const char *reason(int err)
{
	switch (err) {
	case -ESRCH:
	case -ENOENT:
		return "the kernel has no BTF, or lacks what is asked of it";
	case -EPERM:
	case -EACCES:
		return "it takes CAP_BPF and CAP_PERFMON";
	default:
		return strerror(-err);
	}
}

static int open_it(void **private, char error[CGROUP_ERROR])
{
	struct ebpf *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return cgroup_fail(error, -ENOMEM, "no memory");
	libbpf_set_print(say);
	e->bpf = activity_bpf__open();
	err = e->bpf ? activity_bpf__load(e->bpf) : -errno;
	if (!err) {
		*private = e;
		return 0;
	}
	activity_bpf__destroy(e->bpf);
	free(e);
	return cgroup_fail(error, err, "%s", reason(err));
}

static void close_it(void *private)
{
	struct ebpf *e = private;

	activity_bpf__destroy(e->bpf);
	free(e);
}

/* Below the root; 1 is a child of it. */
static unsigned int level_of(const struct cgroup *cgroup)
{
	char root[PATH_MAX];
	const char *c;
	unsigned int n = 0;

	if (cgroup_root(root, sizeof(root)))
		return 0;
	for (c = cgroup->path + strlen(root); *c; c++)
		n += *c == '/';
	return n;
}

/* The program may meet them half moved, and misses a moment. */
static int add_level(struct ebpf *e, unsigned int level)
{
	unsigned int *levels = e->bpf->bss->levels;
	size_t i, k;

	for (i = 0; i < ACTIVITY_LEVELS && levels[i] && levels[i] < level; i++)
		;
	if (i < ACTIVITY_LEVELS && levels[i] == level) {
		e->at[i]++;
		return 0;
	}
	if (levels[ACTIVITY_LEVELS - 1])
		return -ENOSPC;
	for (k = ACTIVITY_LEVELS - 1; k > i; k--) {
		levels[k] = levels[k - 1];
		e->at[k] = e->at[k - 1];
	}
	levels[i] = level;
	e->at[i] = 1;
	return 0;
}

static void remove_level(struct ebpf *e, unsigned int level)
{
	unsigned int *levels = e->bpf->bss->levels;
	size_t i, k;

	for (i = 0; i < ACTIVITY_LEVELS && levels[i] != level; i++)
		;
	if (i == ACTIVITY_LEVELS || --e->at[i])
		return;
	for (k = i; k < ACTIVITY_LEVELS; k++) {
		levels[k] = k + 1 < ACTIVITY_LEVELS ? levels[k + 1] : 0;
		e->at[k] = k + 1 < ACTIVITY_LEVELS ? e->at[k + 1] : 0;
	}
}

static int attach(struct ebpf *e)
{
	int err = e->n ? 0 : activity_bpf__attach(e->bpf);

	e->n += !err;
	return err;
}

static void detach(struct ebpf *e)
{
	if (!--e->n)
		activity_bpf__detach(e->bpf);
}

static int add(void *private, struct activity_cgroup *cg, char error[CGROUP_ERROR])
{
	const struct activity_seen none = { 0 };
	struct ebpf *e = private;
	unsigned int level = level_of(&cg->cgroup);
	int err;

	if (!level)
		return cgroup_fail(error, -EINVAL, "the root of all cgroups cannot be watched");
	err = add_level(e, level);
	if (err)
		return cgroup_fail(error, err, "cgroups at more than %d depths of the hierarchy cannot be watched",
				   ACTIVITY_LEVELS);
	err = bpf_map__update_elem(e->bpf->maps.seen, &cg->id, sizeof(cg->id), &none, sizeof(none),
				   BPF_ANY);
	if (!err)
		err = attach(e);
	if (!err)
		return 0;
	bpf_map__delete_elem(e->bpf->maps.seen, &cg->id, sizeof(cg->id), 0);
	remove_level(e, level);
	return cgroup_fail(error, err, "%.160s cannot be watched: %s", cg->cgroup.path,
			   err == -E2BIG ? "too many are" : strerror(-err));
}

static void remove_it(void *private, struct activity_cgroup *cg)
{
	struct ebpf *e = private;

	detach(e);
	bpf_map__delete_elem(e->bpf->maps.seen, &cg->id, sizeof(cg->id), 0);
	remove_level(e, level_of(&cg->cgroup));
}

static bool look(void *private, struct activity_cgroup *cg, uint64_t now)
{
	struct activity_seen seen;
	struct ebpf *e = private;

	(void)now;
	if (bpf_map__lookup_elem(e->bpf->maps.seen, &cg->id, sizeof(cg->id), &seen,
				 sizeof(seen), 0))
		return false;
	cg->sum.ran = seen.ran / 1000;
	if (seen.last)
		cg->sum.last = seen.last / 1000;
	return true;
}

const struct activity_source activity_ebpf = {
	.name = "ebpf",
	.open = open_it,
	.close = close_it,
	.add = add,
	.remove = remove_it,
	.look = look,
};
