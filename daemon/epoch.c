// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Epochs are what keeps two controllers from steering one node.
 *
 * An election may name two leaders for a while, or one epoch twice: Valkey's replication is
 * asynchronous, so a failover can lose the very write that decided it. Therefore a node
 * believes no election. It obeys a higher epoch than any before, or the same one of the same
 * controller, and remembers that on disk before it obeys: of two controllers with one epoch, whoever
 * comes first has the node, and the other one is told so and needs a higher epoch.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "epoch.h"

#define FILE_NAME "epoch"

/**
 * epoch_load() - what was obeyed before the daemon started
 * @e: filled in
 * @directory: of the state; empty: nothing is kept
 * @error: receives what is wrong
 * @size: of @error
 *
 * Return: 0 also when there is no file, else a negative errno: a node that does not know
 * what it obeyed must not obey.
 */
int epoch_load(struct epoch *e, const char *directory, char *error, size_t size)
{
	char path[300];
	FILE *file;
	int n;

	*e = (struct epoch){ 0 };
	snprintf(e->directory, sizeof(e->directory), "%s", directory);
	if (!*directory)
		return 0;
	snprintf(path, sizeof(path), "%s/" FILE_NAME, e->directory);
	file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	n = fscanf(file, "%" SCNu64 " %63s", &e->number, e->controller);
	fclose(file);
	if (n == 2 && e->number)
		return 0;
	snprintf(error, size, "%s: want an epoch and the name of a controller; if it was damaged, write the highest epoch there that any controller had",
		 path);
	return -EINVAL;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	if (write(fd, text, len) != (ssize_t)len || fsync(fd))
		return -(errno ? errno : EIO);
	return 0;
}

/* On disk, under its name, before anything is done because of it. */
static int save(const struct epoch *e)
{
	char path[300], new[300], text[MEDES_NAME_SIZE + 24];
	int directory, fd, err;

	if (!*e->directory)
		return 0;
	snprintf(path, sizeof(path), "%s/" FILE_NAME, e->directory);
	snprintf(new, sizeof(new), "%s/." FILE_NAME ".new", e->directory);
	snprintf(text, sizeof(text), "%" PRIu64 " %s\n", e->number, e->controller);
	if (mkdir(e->directory, 0700) && errno != EEXIST)
		return -errno;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text);
	close(fd);
	if (!err && rename(new, path))
		err = -errno;
	if (err) {
		unlink(new);
		return err;
	}
	directory = open(e->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory >= 0) {
		fsync(directory);
		close(directory);
	}
	return 0;
}

/**
 * epoch_accept() - may a controller steer this node
 * @e: what was obeyed before; changed when something higher is
 * @number: the controller's epoch, not 0
 * @controller: its name
 * @error: receives why not
 * @size: of @error
 *
 * Return: 0; -ESTALE for one that was superseded, or whose epoch is another's; another
 * negative errno when it could not be written down.
 */
int epoch_accept(struct epoch *e, uint64_t number, const char *controller, char *error,
		 size_t size)
{
	struct epoch old = *e;
	int err;

	if (number == e->number && !strcmp(controller, e->controller))
		return 0;
	if (number <= e->number || !*controller || strlen(controller) >= sizeof(e->controller)) {
		snprintf(error, size, "epoch %" PRIu64 " of controller %.64s: this node obeys epoch %" PRIu64 " of controller %s",
			 number, controller, e->number, e->controller);
		return -ESTALE;
	}
	e->number = number;
	strcpy(e->controller, controller);
	err = save(e);
	if (!err)
		return 0;
	*e = old;
	snprintf(error, size, "cannot write epoch %" PRIu64 " down in %s: %s", number,
		 e->directory, strerror(-err));
	return err;
}
