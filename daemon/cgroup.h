/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups (v2): who is in one, freezing, and our marks on them.
 */
#ifndef MEDESD_CGROUP_H
#define MEDESD_CGROUP_H

#include <limits.h>
#include "medes.h"

#define CGROUP_ERROR 256

struct cgroup {
	char path[PATH_MAX];		/* of its directory; empty: none */
};

struct members {
	struct medes_process *v;
	size_t n;
};

/* All that return int return 0 or a negative errno; those that take error say why. */
int cgroup_resolve(struct cgroup *cg, const char *path, char *error);
int cgroup_of_sandbox(struct cgroup *cg, const char *name, uint32_t pid);
int cgroup_mark(const struct cgroup *cg, const char *name);
void cgroup_unmark(const struct cgroup *cg);
int cgroup_members(const struct cgroup *cg, struct members *out, char *error);
void members_clear(struct members *members);

/* Parts of the above, for frozen.c and freezer.c */
int cgroup_root(char *path, size_t size);
bool cgroup_below(const char *path, const char *root);
int cgroup_file(const struct cgroup *cg, const char *file, char path[PATH_MAX]);
int cgroup_of_process(struct cgroup *cg, uint32_t pid);
int cgroup_fail(char *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* frozen.c */
int cgroup_freeze(const struct cgroup *cg, bool *ours, char *error);
int cgroup_frozen(const struct cgroup *cg, bool *frozen);
int cgroup_thaw(const struct cgroup *cg);
void cgroup_thaw_left(void);

#endif /* MEDESD_CGROUP_H */
