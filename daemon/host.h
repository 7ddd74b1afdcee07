/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This machine, for the controller.
 */
#ifndef MEDESD_HOST_H
#define MEDESD_HOST_H

#include "cell.h"
#include "control.h"
#include "daemon.h"
#include "local.h"
#include "pressure.h"

struct host {
	struct daemon *daemon;
	struct cells cells;
	unsigned int last_port;
	uid_t uid;
	gid_t gid;
	struct watcher *watcher;
	struct pressure *pressure;	/* NULL: none, or the kernel can't */
	double armed;			/* %: what it was made for */
	double available;		/* of the last look */
	double stalled;
	uint64_t looked;		/* us */
	uint64_t pressed_until;		/* us */
	double overhead;
	bool pressure_known;
};

extern const struct host_ops host_ops;

struct host *host_new(struct daemon *daemon);
void host_free(struct host *host);
void host_shutdown(struct host *host);

/* What the kernel tells */
void host_op(struct host *host, const struct medes_op *op);
void host_sandbox(struct host *host, const struct medes_sandbox *sandbox);
void host_overrun(struct host *host);
void host_down(struct host *host);

struct local *host_adopt(struct host *host, struct box *box, const struct cgroup *cgroup,
			 const struct members *members, char error[CONTROL_ERROR]);

/* rebuild.c: after a restart */
void rebuild(struct daemon *daemon);

#endif /* MEDESD_HOST_H */
