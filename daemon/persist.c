// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file appears under its name when it is whole and on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include "persist.h"

static int write_file(const char *path, const json_t *value)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (json_dumpfd(value, fd, JSON_INDENT(1)))
		err = -EIO;
	else if (fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/**
 * persist_save() - replace a file, or make it
 * @directory: where; it exists
 * @name: of the file
 * @value: what it holds from now on
 *
 * Return: 0, or a negative errno and the file is as it was.
 */
int persist_save(const char *directory, const char *name, const json_t *value)
{
	char path[PATH_MAX + 128], temporary[PATH_MAX + 128];
	int err;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(temporary, sizeof(temporary), "%s/.%s.new", directory, name);
	err = write_file(temporary, value);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}
