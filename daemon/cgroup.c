// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control groups: names, sandboxes, processes.
 *
 * What medesd must still know after it was killed is written on the cgroup
 * itself, as an extended attribute: the sandbox's name. It lives and dies with
 * the cgroup, and only the privileged can write it.
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
#define SMALL_FILE 4096

/**
 * cgroup_fail() - say why
 * @error: CGROUP_ERROR bytes, receives the sentence
 * @err: negative errno
 * @format: the sentence
 *
 * Return: @err.
 */
int cgroup_fail(char *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, CGROUP_ERROR, format, args);
	va_end(args);
	return err;
}

/**
 * cgroup_root() - where cgroup v2 is mounted
 * @path: receives the directory
 * @size: of @path, bytes
 */
int cgroup_root(char *path, size_t size)
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

/* Is one directory somewhere in another? */
bool cgroup_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return !strncmp(path, root, len) && path[len] == '/';
}

/* The path of one of its files. */
int cgroup_file(const struct cgroup *cg, const char *file, char path[PATH_MAX])
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
	int err = cgroup_root(root, sizeof(root));

	if (err)
		return cgroup_fail(error, err, "cgroup v2 is not mounted on this machine");
	if (strlen(path) >= PATH_MAX)
		return cgroup_fail(error, -ENAMETOOLONG, "the cgroup's path is too long");
	if (cgroup_below(path, root))
		strcpy(name, path);
	else
		snprintf(name, sizeof(name), "%s/%s", root, path);
	if (!realpath(name, cg->path)) {
		err = -errno;
		return cgroup_fail(error, err, "cgroup \"%.120s\": %s", path, strerror(-err));
	}
	if (!cgroup_below(cg->path, root))
		return cgroup_fail(error, -EINVAL, "cgroup \"%.120s\": not a cgroup below %.60s",
				   path, root);
	if (cgroup_file(cg, "cgroup.procs", file) || access(file, R_OK))
		return cgroup_fail(error, -EINVAL, "\"%.120s\" is not a cgroup", path);
	return 0;
}

/**
 * cgroup_of_process() - find the cgroup that a process is in
 * @cg: receives it
 * @pid: the process
 */
int cgroup_of_process(struct cgroup *cg, uint32_t pid)
{
	char path[64], text[SMALL_FILE], root[PATH_MAX], *line = text;

	if (cgroup_root(root, sizeof(root)))
		return -ENOENT;
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

	if (cgroup_root(root, sizeof(root)) || cgroup_of_process(cg, pid))
		return -ENOENT;
	/* the process may be in a child of the sandbox's cgroup */
	while (cgroup_below(cg->path, root)) {
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
		return cgroup_fail(error, -ENAMETOOLONG, "a cgroup's path is too long");
	file = fopen(path, "re");
	if (!file)	/* removed meanwhile */
		return 0;
	while (!err && fscanf(file, "%u", &pid) == 1) {
		if (!pid) {
			err = cgroup_fail(error, -EINVAL,
					  "%.160s: has a process of another pid namespace", path);
			break;
		}
		err = add_member(out, pid);
		if (err)
			cgroup_fail(error, err, "process %u: %s", pid, strerror(-err));
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
		return cgroup_fail(error, -ENOMEM, "cannot walk %.160s", cg->path);
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
