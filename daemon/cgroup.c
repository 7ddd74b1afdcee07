// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control groups through their files.
 *
 * What medesd must still know after it was killed is written on the cgroup
 * itself, as extended attributes: the sandbox's name, and that a freeze is ours.
 * They live and die with the cgroup, and only the privileged can write them.
 *
 * A frozen cgroup is left as it was found: one that was frozen by somebody else
 * is neither marked nor thawed. The mark is set before the freeze and removed
 * after the thaw, so a kill in between leaves a mark too many, never a frozen
 * cgroup without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "cgroup.h"
#include "proc.h"

#define MARK_NAME "trusted.medes.sandbox"
#define MARK_FROZEN "trusted.medes.frozen"
#define SMALL_FILE 4096

static int __attribute__((format(printf, 3, 4))) fail(char *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, CGROUP_ERROR, format, args);
	va_end(args);
	return err;
}

/* Where cgroup v2 is mounted. */
static int mount_point(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int err = -ENOENT;

	if (!mounts)
		return -errno;
	while (err && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2") && strlen(m->mnt_dir) < size) {
			strcpy(path, m->mnt_dir);
			err = 0;
		}
	endmntent(mounts);
	return err;
}

static bool below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return !strncmp(path, root, len) && path[len] == '/';
}

static int file_of(const struct cgroup *cg, const char *file, char *path)
{
	return snprintf(path, PATH_MAX, "%s/%s", cg->path, file) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/**
 * cgroup_resolve() - find a cgroup that a user names
 * @cg: receives it
 * @path: of its directory, or relative to the root of the hierarchy
 * @error: receives why not
 */
int cgroup_resolve(struct cgroup *cg, const char *path, char *error)
{
	char root[PATH_MAX], name[2 * PATH_MAX], file[PATH_MAX];
	int err = mount_point(root, sizeof(root));

	if (err)
		return fail(error, err, "cgroup v2 is not mounted on this machine");
	if (strlen(path) >= PATH_MAX)
		return fail(error, -ENAMETOOLONG, "the cgroup's path is too long");
	if (below(path, root))
		strcpy(name, path);
	else
		snprintf(name, sizeof(name), "%s/%s", root, path);
	if (!realpath(name, cg->path)) {
		err = -errno;
		return fail(error, err, "cgroup \"%.120s\": %s", path, strerror(-err));
	}
	if (!below(cg->path, root))
		return fail(error, -EINVAL, "cgroup \"%.120s\": not a cgroup below %.60s", path,
			    root);
	if (file_of(cg, "cgroup.procs", file) || access(file, R_OK))
		return fail(error, -EINVAL, "\"%.120s\" is not a cgroup", path);
	return 0;
}

/* The cgroup that a process is in. */
static int cgroup_of_process(struct cgroup *cg, const char *root, uint32_t pid)
{
	char path[64], text[SMALL_FILE], *line = text;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", pid);
	if (medes_file_read(path, text, sizeof(text)) < 0)
		return -ENOENT;
	/* lines of cgroup v1 hierarchies may stand around it */
	while (line && strncmp(line, "0::/", 4)) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return -ENOENT;
	line += 3;
	line[strcspn(line, "\n")] = '\0';
	if (snprintf(cg->path, sizeof(cg->path), "%s%s", root, line) >= (int)sizeof(cg->path))
		return -ENAMETOOLONG;
	return 0;
}

/* Freezing it would stop us, and nobody would thaw us. */
static bool holds_us(const struct cgroup *cg)
{
	char root[PATH_MAX];
	struct cgroup own;

	return !mount_point(root, sizeof(root)) && !cgroup_of_process(&own, root, getpid()) &&
	       (!strcmp(own.path, cg->path) || below(own.path, cg->path));
}

/**
 * cgroup_of_sandbox() - find the cgroup that was marked for a sandbox
 * @cg: receives it
 * @name: the sandbox's name
 * @pid: one of its processes
 *
 * Return: 0, -ENOENT when the sandbox is not known by a cgroup.
 */
int cgroup_of_sandbox(struct cgroup *cg, const char *name, uint32_t pid)
{
	char root[PATH_MAX], mark[MEDES_NAME_SIZE];
	ssize_t len;

	if (mount_point(root, sizeof(root)) || cgroup_of_process(cg, root, pid))
		return -ENOENT;
	/* the process may be in a child of the sandbox's cgroup */
	while (below(cg->path, root)) {
		len = getxattr(cg->path, MARK_NAME, mark, sizeof(mark) - 1);
		if (len >= 0) {
			mark[len] = '\0';
			if (!strcmp(mark, name))
				return 0;
		}
		*strrchr(cg->path, '/') = '\0';
	}
	cg->path[0] = '\0';
	return -ENOENT;
}

int cgroup_mark(const struct cgroup *cg, const char *name)
{
	return setxattr(cg->path, MARK_NAME, name, strlen(name), 0) ? -errno : 0;
}

void cgroup_unmark(const struct cgroup *cg)
{
	removexattr(cg->path, MARK_NAME);
}

static int add_member(struct members *out, uint32_t pid)
{
	struct medes_process *v, p = { .pid = pid };
	int err = medes_process_start_time(pid, &p.start_time);

	if (err == -ESRCH)	/* ended meanwhile */
		return 0;
	if (err)
		return err;
	if (!(out->n & (out->n - 1))) {
		v = realloc(out->v, (out->n ? 2 * out->n : 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		out->v = v;
	}
	out->v[out->n++] = p;
	return 0;
}

/* The processes of one directory. */
static int read_procs(const char *directory, struct members *out, char *error)
{
	char path[PATH_MAX];
	unsigned int pid;
	int err = 0;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", directory) >= (int)sizeof(path))
		return fail(error, -ENAMETOOLONG, "a cgroup's path is too long");
	file = fopen(path, "re");
	if (!file)	/* removed meanwhile */
		return 0;
	while (!err && fscanf(file, "%u", &pid) == 1) {
		if (!pid) {
			err = fail(error, -EINVAL, "%.160s: has a process of another pid namespace",
				   path);
			break;
		}
		err = add_member(out, pid);
		if (err)
			fail(error, err, "process %u: %s", pid, strerror(-err));
	}
	/* a threaded child says EOPNOTSUPP: its processes are listed by its parent */
	fclose(file);
	return err;
}

/**
 * cgroup_members() - the processes of a cgroup and of those below it
 * @cg: the cgroup
 * @out: receives them with their start times, to be cleared by the caller
 * @error: receives why not
 */
int cgroup_members(const struct cgroup *cg, struct members *out, char *error)
{
	char *roots[] = { (char *)cg->path, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	FTSENT *entry;
	int err = 0;

	*out = (struct members){ 0 };
	if (!tree)
		return fail(error, -ENOMEM, "cannot walk %.160s", cg->path);
	while (!err && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_D)
			err = read_procs(entry->fts_path, out, error);
	fts_close(tree);
	if (err)
		members_clear(out);
	return err;
}

void members_clear(struct members *members)
{
	free(members->v);
	*members = (struct members){ 0 };
}

static int write_freeze(const struct cgroup *cg, const char *value)
{
	char path[PATH_MAX];
	int fd, err = 0;

	if (file_of(cg, "cgroup.freeze", path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

/**
 * cgroup_freeze() - begin to freeze a cgroup
 * @cg: the cgroup
 * @ours: set when it has to be thawed again; clear: it was frozen already
 * @error: receives why not
 */
int cgroup_freeze(const struct cgroup *cg, bool *ours, char *error)
{
	char path[PATH_MAX], text[16];
	ssize_t len;
	int err;

	*ours = false;
	if (holds_us(cg))
		return fail(error, -EINVAL, "cannot freeze %.160s: medesd itself runs in it",
			    cg->path);
	if (file_of(cg, "cgroup.freeze", path))
		return fail(error, -ENAMETOOLONG, "a cgroup's path is too long");
	len = medes_file_read(path, text, sizeof(text));
	if (len < 0)
		return fail(error, (int)len, "cannot freeze %.160s: %s", cg->path, strerror(-len));
	if (text[0] == '1' && !cgroup_frozen_by_us(cg))
		return 0;
	if (setxattr(cg->path, MARK_FROZEN, "1", 1, 0)) {
		err = -errno;
		return fail(error, err, "cannot mark %.160s: %s", cg->path, strerror(-err));
	}
	err = write_freeze(cg, "1");
	if (err) {
		removexattr(cg->path, MARK_FROZEN);
		return fail(error, err, "cannot freeze %.160s: %s", cg->path, strerror(-err));
	}
	*ours = true;
	return 0;
}

/**
 * cgroup_frozen() - has all of a cgroup stopped
 * @cg: the cgroup
 * @frozen: receives the answer
 */
int cgroup_frozen(const struct cgroup *cg, bool *frozen)
{
	char path[PATH_MAX], text[SMALL_FILE];
	ssize_t len;

	if (file_of(cg, "cgroup.events", path))
		return -ENAMETOOLONG;
	len = medes_file_read(path, text, sizeof(text));
	if (len < 0)
		return len;
	*frozen = strstr(text, "frozen 1");
	return 0;
}

/**
 * cgroup_thaw() - undo our freeze
 * @cg: the cgroup
 */
int cgroup_thaw(const struct cgroup *cg)
{
	int err = write_freeze(cg, "0");

	if (!err)
		removexattr(cg->path, MARK_FROZEN);
	return err;
}

bool cgroup_frozen_by_us(const struct cgroup *cg)
{
	char mark;

	return getxattr(cg->path, MARK_FROZEN, &mark, 1) == 1;
}
