// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cells: one cgroup a sandbox, all of them in one directory of the daemon's.
 *
 * What must outlive the daemon is an extended attribute of the cgroup: it goes with
 * the cgroup, and only the privileged can write it.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "cell.h"
#include "log.h"
#include "proc.h"

#define MARK_BOX "trusted.medes.box"
#define MARK_ASLEEP "trusted.medes.asleep"
#define MARK_MAX 1024
#define STAT_MAX 8192
#define SUPERVISOR "/supervisor"
#define CPU_PERIOD_US 100000

static int put(const struct cgroup *cg, const char *file, const char *text)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd, err = 0;

	if (cgroup_file(cg, file, path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		err = -errno;
	close(fd);
	return err;
}

static ssize_t get(const struct cgroup *cg, const char *file, char *text, size_t size)
{
	char path[PATH_MAX];

	if (cgroup_file(cg, file, path))
		return -ENAMETOOLONG;
	return medes_file_read(path, text, size);
}

/* Beside the daemon's own cgroup, where systemd's DelegateSubgroup= put it. */
static int default_root(struct cgroup *root, char *error)
{
	struct cgroup own;
	char top[PATH_MAX], *end;
	int n;

	if (cgroup_root(top, sizeof(top)) || cgroup_of_process(&own, getpid()))
		return cgroup_fail(error, -ENOENT, "cgroup v2 is not mounted on this machine");
	end = own.path + strlen(own.path) - strlen(SUPERVISOR);
	if (end > own.path && !strcmp(end, SUPERVISOR))
		*end = '\0';
	end = own.path + strlen(own.path);
	if (end > own.path && end[-1] == '/')
		end[-1] = '\0';
	n = snprintf(root->path, sizeof(root->path), "%s/%s", own.path,
		     strcmp(own.path, top) ? "functions" : "medes");
	return n < (int)sizeof(root->path) ? 0 : -ENAMETOOLONG;
}

static int named_root(struct cgroup *root, const char *path, char *error)
{
	char top[PATH_MAX];

	if (cgroup_root(top, sizeof(top)))
		return cgroup_fail(error, -ENOENT, "cgroup v2 is not mounted on this machine");
	if (snprintf(root->path, sizeof(root->path), "%s/%s", top,
		     path + strspn(path, "/")) >= (int)sizeof(root->path) ||
	    strstr(path, ".."))
		return cgroup_fail(error, -EINVAL, "Cgroup=%.160s: not a path below %.60s", path, top);
	return 0;
}

/* Of the directory that holds the cells: controllers are handed down level by level. */
static bool enable(const struct cgroup *root, const char *controller)
{
	struct cgroup parent = *root;
	char text[STAT_MAX], word[32];

	snprintf(word, sizeof(word), "+%s", controller);
	*strrchr(parent.path, '/') = '\0';
	put(&parent, "cgroup.subtree_control", word);
	put(root, "cgroup.subtree_control", word);
	return get(root, "cgroup.subtree_control", text, sizeof(text)) >= 0 &&
	       strstr(text, controller);
}

/**
 * cells_open() - find or make the cgroup that holds the cells
 * @cells: filled in
 * @path: relative to the root of the hierarchy; empty: beside the daemon's own
 * @error: receives why not
 */
int cells_open(struct cells *cells, const char *path, char error[CGROUP_ERROR])
{
	struct cells new = { 0 };
	int err;

	err = *path ? named_root(&new.root, path, error) : default_root(&new.root, error);
	if (err)
		return err;
	if (mkdir(new.root.path, 0755) && errno != EEXIST) {
		err = -errno;
		return cgroup_fail(error, err, "cannot make cgroup %.160s: %s", new.root.path,
				   strerror(-err));
	}
	new.memory = enable(&new.root, "memory");
	new.cpu = enable(&new.root, "cpu");
	new.pids = enable(&new.root, "pids");
	if (!new.memory || !new.cpu || !new.pids)
		log_warning("%s has not the controllers%s%s%s: such limits of functions do not hold",
			    new.root.path, new.memory ? "" : " memory", new.cpu ? "" : " cpu",
			    new.pids ? "" : " pids");
	*cells = new;
	return 0;
}

/* Leave nothing behind, unless there are sandboxes. */
void cells_close(const struct cells *cells)
{
	if (cells->root.path[0])
		rmdir(cells->root.path);
}

static int limit(const struct cgroup *cell, const char *file, bool works, uint64_t value,
		 const char *format, char *error)
{
	char text[64];
	int err;

	if (!works || !value)
		return 0;
	snprintf(text, sizeof(text), format, (unsigned long long)value);
	err = put(cell, file, text);
	if (err)
		cgroup_fail(error, err, "cannot write %s to %.120s/%s: %s", text, cell->path, file,
			    strerror(-err));
	return err;
}

/**
 * cell_make() - make a cgroup for a sandbox
 * @cells: where
 * @name: the sandbox's
 * @spec: its limits
 * @cell: receives it; its path is empty when there are no cgroups at all
 * @error: receives why not
 */
int cell_make(const struct cells *cells, const char *name, const struct spec *spec,
	      struct cgroup *cell, char error[CGROUP_ERROR])
{
	int err;

	cell->path[0] = '\0';
	if (!cells->root.path[0])
		return 0;
	if (snprintf(cell->path, sizeof(cell->path), "%s/%s", cells->root.path, name) >=
	    (int)sizeof(cell->path))
		return cgroup_fail(error, -ENAMETOOLONG, "the cgroup's path is too long");
	if (mkdir(cell->path, 0755)) {
		err = -errno;
		return cgroup_fail(error, err, "cannot make cgroup %.160s: %s", cell->path,
				   strerror(-err));
	}
	err = limit(cell, "memory.max", cells->memory, spec->memory, "%llu", error);
	if (!err)
		err = limit(cell, "pids.max", cells->pids, spec->pids, "%llu", error);
	if (!err)
		err = limit(cell, "cpu.max", cells->cpu,
			    spec->cpu_percent * (CPU_PERIOD_US / 100ULL), "%llu 100000", error);
	if (err)
		rmdir(cell->path);
	return err;
}

int cell_fd(const struct cgroup *cell)
{
	return open(cell->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void cell_kill(const struct cgroup *cell)
{
	int err = put(cell, "cgroup.kill", "1");

	if (err && err != -ENOENT)
		log_error("cannot kill the processes of %s: %s", cell->path, strerror(-err));
}

/**
 * cell_nest() - make a cgroup in a cell
 * @cell: the cell; what limits work there can be set for its children, too
 * @name: of the new one
 * @out: receives it
 * @error: receives why not
 */
int cell_nest(const struct cgroup *cell, const char *name, struct cgroup *out,
	      char error[CGROUP_ERROR])
{
	static const char *const controllers[] = { "+memory", "+cpu", "+pids" };
	int err = cgroup_file(cell, name, out->path);
	size_t i;

	if (!err && mkdir(out->path, 0755))
		err = -errno;
	if (err)
		return cgroup_fail(error, err, "cannot make a cgroup in %.160s: %s", cell->path,
				   strerror(-err));
	/* that some do not work was said by cells_open() */
	for (i = 0; i < ARRAY_SIZE(controllers); i++)
		put(cell, "cgroup.subtree_control", controllers[i]);
	return 0;
}

/* With those in it; -EBUSY: not empty yet. */
int cell_remove(const struct cgroup *cell)
{
	char *roots[] = { (char *)cell->path, NULL };
	FTSENT *entry;
	FTS *tree;

	if (!cell->path[0] || !rmdir(cell->path) || errno == ENOENT)
		return 0;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_DP)
			rmdir(entry->fts_path);
	if (tree)
		fts_close(tree);
	return access(cell->path, F_OK) ? 0 : -EBUSY;
}

int cell_sleep(const struct cgroup *cell)
{
	int err;

	/* marked before and until after, so that a kill in between leaves a mark too many */
	if (setxattr(cell->path, MARK_ASLEEP, "1", 1, 0))
		return -errno;
	err = put(cell, "cgroup.freeze", "1");
	if (err)
		removexattr(cell->path, MARK_ASLEEP);
	return err;
}

int cell_wake(const struct cgroup *cell)
{
	int err = put(cell, "cgroup.freeze", "0");

	if (!err)
		removexattr(cell->path, MARK_ASLEEP);
	return err;
}

bool cell_asleep(const struct cgroup *cell)
{
	char mark;

	return getxattr(cell->path, MARK_ASLEEP, &mark, 1) == 1;
}

int cell_mark(const struct cgroup *cell, const json_t *mark)
{
	char text[MARK_MAX];
	size_t len = json_dumpb(mark, text, sizeof(text), JSON_COMPACT);

	if (!len || len > sizeof(text))
		return -E2BIG;
	return setxattr(cell->path, MARK_BOX, text, len, 0) ? -errno : 0;
}

void cell_unmark(const struct cgroup *cell)
{
	removexattr(cell->path, MARK_BOX);
	cgroup_unmark(cell);
}

/* A new reference; NULL: it is no cell of ours. */
json_t *cell_read_mark(const struct cgroup *cell)
{
	char text[MARK_MAX];
	ssize_t len = getxattr(cell->path, MARK_BOX, text, sizeof(text));

	return len > 0 ? json_loadb(text, len, 0, NULL) : NULL;
}
