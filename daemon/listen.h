/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unix socket, and the right to serve it.
 */
#ifndef MEDESD_LISTEN_H
#define MEDESD_LISTEN_H

struct listener {
	int fd;
	int lock;
};

int listen_open(struct listener *l, const char *path);
void listen_close(struct listener *l, const char *path);

int listen_tcp(const char *where);

#endif /* MEDESD_LISTEN_H */
