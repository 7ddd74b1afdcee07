// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sockets that medesd listens at.
 *
 * The unix socket's mode is the permission: 0600. A lock file beside it keeps two daemons from
 * serving one path; it is never removed, since that would race. Whoever has the
 * lock may remove a socket that one left who was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "listen.h"
#include "log.h"

/* The lock's descriptor. */
static int take_lock(const char *socket_path)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s.lock", socket_path);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		log_error("cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	log_error("another medesd serves %s (it holds %s)", socket_path, path);
	close(fd);
	return -1;
}

static void make_directory(const char *path)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	if (*directory)
		mkdir(directory, 0755);
}

static int bind_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (!err && !listen(fd, SOMAXCONN))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/**
 * listen_open() - listen at a path
 * @l: filled in
 * @path: absolute, short enough for a socket's address
 *
 * Return: 0, or -1 with a line in the log.
 */
int listen_open(struct listener *l, const char *path)
{
	struct stat st;

	make_directory(path);
	l->lock = take_lock(path);
	if (l->lock < 0)
		return -1;
	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode)) {
		log_error("%s is in the way: not a socket", path);
		goto err_lock;
	}
	unlink(path);
	l->fd = bind_socket(path);
	if (l->fd < 0) {
		log_error("cannot listen at %s: %s", path, strerror(errno));
		goto err_lock;
	}
	return 0;

err_lock:
	close(l->lock);
	return -1;
}

/**
 * listen_close() - give the path up
 * @l: the listener; its fd has been closed by whoever served it
 * @path: as for listen_open()
 */
void listen_close(struct listener *l, const char *path)
{
	unlink(path);
	close(l->lock);
}

static int bind_tcp(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, err;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, address->ai_addr, address->ai_addrlen) && !listen(fd, SOMAXCONN))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/**
 * listen_tcp() - listen at an address
 * @where: "address:port", the address a number, of IPv6 in brackets
 *
 * Return: the descriptor, or -1 with a line in the log.
 */
int listen_tcp(const char *where)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *address;
	char host[128], *colon;
	int fd, err;

	snprintf(host, sizeof(host), "%s", where + (*where == '['));
	colon = strrchr(host, ':');
	if (!colon) {
		log_error("Listen=%s: want address:port", where);
		return -1;
	}
	*colon = '\0';
	if (colon > host && colon[-1] == ']')
		colon[-1] = '\0';
	err = getaddrinfo(host, colon + 1, &hints, &address);
	if (err) {
		log_error("Listen=%s: %s; want address:port, the address a number", where,
			  gai_strerror(err));
		return -1;
	}
	fd = bind_tcp(address);
	if (fd < 0)
		log_error("cannot listen at %s: %s", where, strerror(errno));
	freeaddrinfo(address);
	return fd;
}
