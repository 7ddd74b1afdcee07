// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands.
 *
 * posix_spawn() puts the child into its cgroup at once, like clone3() does for functions. A
 * pidfd says when it has ended; on every way out of here it has, and was reaped.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "command.h"

struct command {
	int pidfd;
	struct event *event;
	command_fn done;
	void *arg;
};

static int reap(int pidfd)
{
	siginfo_t info = { 0 };

	waitid(P_PIDFD, pidfd, &info, WEXITED);
	close(pidfd);
	return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static int kill_and_reap(int pidfd)
{
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	return reap(pidfd);
}

static int set_files(posix_spawn_file_actions_t *files, int output)
{
	int err = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);

	if (!err)
		err = posix_spawn_file_actions_adddup2(files, output, 1);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, output, 2);
	return err ? err : posix_spawn_file_actions_addclosefrom_np(files, 3);
}

static int set_attributes(posix_spawnattr_t *attributes, int cgroup)
{
	short flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int err = 0;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	if (cgroup >= 0) {
		err = posix_spawnattr_setcgroup_np(attributes, cgroup);
		flags |= POSIX_SPAWN_SETCGROUP;
	}
	return err ? err : posix_spawnattr_setflags(attributes, flags);
}

/* Receives the pidfd. Return: 0 or an errno. */
static int start(const struct command_order *order, int *pidfd)
{
	char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int err, cgroup = -1;

	if (order->cell) {
		cgroup = open(order->cell->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroup < 0)
			return errno;
	}
	err = posix_spawn_file_actions_init(&files);
	if (err)
		goto out_cgroup;
	err = posix_spawnattr_init(&attributes);
	if (err)
		goto out_files;
	err = set_files(&files, order->output);
	if (!err)
		err = set_attributes(&attributes, cgroup);
	if (!err)
		err = pidfd_spawnp(pidfd, order->argv[0], &files, &attributes,
				   (char *const *)order->argv, env);
	posix_spawnattr_destroy(&attributes);
out_files:
	posix_spawn_file_actions_destroy(&files);
out_cgroup:
	if (cgroup >= 0)
		close(cgroup);
	return err;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct command *command = arg;
	command_fn done = command->done;
	void *its = command->arg;
	int status = -SIGKILL;

	(void)fd;
	/* by time-out it has none that counts */
	if (what & EV_READ)
		status = reap(command->pidfd);
	else
		kill_and_reap(command->pidfd);
	event_free(command->event);
	free(command);
	done(status, its);
}

/**
 * command_start() - begin to run a command
 * @events: the event loop
 * @order: what and where
 * @done: called once, from the loop, unless it is freed before
 * @arg: for @done
 * @error: receives why not
 */
struct command *command_start(struct event_base *events, const struct command_order *order,
			      command_fn done, void *arg, char error[CGROUP_ERROR])
{
	const struct timeval limit = {
		.tv_sec = order->timeout / 1000, .tv_usec = order->timeout % 1000 * 1000,
	};
	struct command *command = calloc(1, sizeof(*command));
	int err = command ? start(order, &command->pidfd) : ENOMEM;

	if (err) {
		cgroup_fail(error, -err, "cannot run %s: %s%s", order->argv[0], strerror(err),
			    err == ENOENT ? "; is it installed?" : "");
		free(command);
		return NULL;
	}
	command->done = done;
	command->arg = arg;
	command->event = event_new(events, command->pidfd, EV_READ, on_end, command);
	if (command->event && !event_add(command->event, &limit))
		return command;
	command_free(command);
	cgroup_fail(error, -ENOMEM, "no memory to run %s", order->argv[0]);
	return NULL;
}

void command_free(struct command *command)
{
	if (!command)
		return;
	if (command->event)
		event_free(command->event);
	kill_and_reap(command->pidfd);
	free(command);
}

/**
 * command_run() - run a command to its end
 * @order: what and where
 *
 * Return: its exit status; negative: it could not be run, was killed or took too long.
 */
int command_run(const struct command_order *order)
{
	struct pollfd end = { .events = POLLIN };
	int err = start(order, &end.fd);

	if (err)
		return -err;
	if (poll(&end, 1, order->timeout) == 1)
		return reap(end.fd);
	kill_and_reap(end.fd);
	return -ETIMEDOUT;
}
