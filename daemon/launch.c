// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Launching a box: port, cgroup, what its runtime makes of them, and the mark on the cgroup by
 * which a later daemon finds it again.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "function.h"
#include "host.h"
#include "log.h"

/* A port that nobody listens at; the range is none that the system gives away by itself. */
static unsigned int free_port(struct host *host)
{
	const struct config *config = &host->daemon->config;
	unsigned int n = config->port_last - config->port_first + 1, i;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1, fd, err;

	for (i = 0; i < n; i++) {
		host->last_port = host->last_port < config->port_last ? host->last_port + 1 :
				  config->port_first;
		address.sin_port = htons(host->last_port);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return 0;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		err = bind(fd, (struct sockaddr *)&address, sizeof(address));
		close(fd);
		if (!err)
			return host->last_port;
	}
	return 0;
}

/* What a later daemon must know of it. */
int local_mark(struct local *l)
{
	const struct box *box = l->box;
	json_t *mark;
	int err;

	if (!l->cell.path[0])
		return 0;
	mark = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:b,s:b,s:s}", "name", box->name,
			 "runtime", l->runtime->name, "function", box->function->spec.name, "domain", box->function->domain,
			 "pid", (json_int_t)l->pid, "start_time", (json_int_t)l->start_time,
			 "port", (json_int_t)l->port, "adopted", box->adopted,
			 "watched", box->watched, "address", box->address);
	err = mark ? cell_mark(&l->cell, mark) : -ENOMEM;
	json_decref(mark);
	return err;
}

static int prepare(struct local *l, char *error)
{
	struct host *host = l->host;
	const struct runtime *runtime;
	struct box *box = l->box;
	int err;

	runtime = runtime_find(box->function->spec.runtime);
	if (!runtime)
		return cgroup_fail(error, -ENOSYS, "there is no runtime \"%s\"",
				   box->function->spec.runtime);
	l->runtime = runtime;
	l->port = free_port(host);
	if (!l->port)
		return cgroup_fail(error, -EADDRINUSE, "no port is free (FirstPort, LastPort)");
	snprintf(box->address, sizeof(box->address), "127.0.0.1:%u", l->port);
	l->lines = lines_new(host->daemon->events, l->port, host->daemon->config.invoke_answer);
	if (!l->lines)
		return cgroup_fail(error, -ENOMEM, "no memory for a sandbox");
	err = cell_make(&host->cells, box->name, &box->function->spec, &l->cell, error);
	l->ours = !err;
	return err;
}

/**
 * local_lives() - the function's first process is there
 * @l: the box's, launched
 * @pid: of the process; l->pidfd may be its
 *
 * Return: 0, or a negative errno: it has gone, or there is no memory.
 */
int local_lives(struct local *l, pid_t pid)
{
	int err;

	l->pid = pid;
	l->box->pid = pid;
	err = local_watch(l);
	if (!err && local_mark(l))
		log_warning("cannot mark %s: a restarted medesd will not know it", l->cell.path);
	return err;
}

/**
 * local_launch() - begin to start a box
 * @l: the box's, new
 * @error: receives why not
 *
 * Return: 0, or a negative errno, and local_undo() is to be called.
 */
int local_launch(struct local *l, char error[CONTROL_ERROR])
{
	int err = prepare(l, error);

	return err ? err : l->runtime->start(l, error);
}
