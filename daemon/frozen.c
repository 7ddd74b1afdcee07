// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control groups: freezing.
 *
 * A cgroup is left as it was found: one that somebody else froze is neither
 * marked nor thawed. That a freeze is ours is written on the cgroup, as an
 * extended attribute, for the case that we are killed. The mark is set before
 * the freeze and removed after the thaw, so a kill in between leaves a mark too
 * many, never a frozen cgroup without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "cgroup.h"
#include "log.h"
#include "proc.h"

#define MARK_FROZEN "trusted.medes.frozen"
#define SMALL_FILE 4096

/* Freezing it would stop us, and nobody would thaw us. */
static bool holds_us(const struct cgroup *cg)
{
	struct cgroup own;

	return !cgroup_of_process(&own, getpid()) &&
	       (!strcmp(own.path, cg->path) || cgroup_below(own.path, cg->path));
}

static int write_freeze(const struct cgroup *cg, const char *value)
{
	char path[PATH_MAX];
	int fd, err = 0;

	if (cgroup_file(cg, "cgroup.freeze", path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

static bool frozen_by_us(const struct cgroup *cg)
{
	char mark;

	return getxattr(cg->path, MARK_FROZEN, &mark, 1) == 1;
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
		return cgroup_fail(error, -EINVAL,
				   "cannot freeze %.160s: medesd itself runs in it", cg->path);
	if (cgroup_file(cg, "cgroup.freeze", path))
		return cgroup_fail(error, -ENAMETOOLONG, "a cgroup's path is too long");
	len = medes_file_read(path, text, sizeof(text));
	if (len < 0)
		return cgroup_fail(error, (int)len, "cannot freeze %.160s: %s", cg->path,
				   strerror(-len));
	if (text[0] == '1' && !frozen_by_us(cg))
		return 0;
	if (setxattr(cg->path, MARK_FROZEN, "1", 1, 0)) {
		err = -errno;
		return cgroup_fail(error, err, "cannot mark %.160s: %s", cg->path,
				   strerror(-err));
	}
	err = write_freeze(cg, "1");
	if (err) {
		removexattr(cg->path, MARK_FROZEN);
		return cgroup_fail(error, err, "cannot freeze %.160s: %s", cg->path,
				   strerror(-err));
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

	if (cgroup_file(cg, "cgroup.events", path))
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

/**
 * cgroup_thaw_left() - thaw what a medesd froze that was killed
 *
 * Looks at every cgroup: the one that was being made a sandbox of is in no list.
 */
void cgroup_thaw_left(void)
{
	char root[PATH_MAX], *roots[] = { root, NULL };
	struct cgroup cg;
	FTSENT *entry;
	FTS *tree;

	if (cgroup_root(root, sizeof(root)))
		return;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D || entry->fts_pathlen >= sizeof(cg.path))
			continue;
		strcpy(cg.path, entry->fts_path);
		if (!frozen_by_us(&cg))
			continue;
		log_notice("thawing %s, which an earlier medesd left frozen", cg.path);
		if (cgroup_thaw(&cg))
			log_error("cannot thaw %s", cg.path);
	}
	if (tree)
		fts_close(tree);
}
