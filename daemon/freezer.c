// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Freezing takes until the last thread has left the kernel, so it is waited for
 * by a timer. What is frozen here is thawed here: on release, whatever happened.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "freezer.h"
#include "log.h"

#define POLL_MS 5

/* 1: not yet; else what the waiting came to. */
static int look(struct freezer *f)
{
	bool frozen = false;
	int err;

	if (f->error[0])	/* could not even begin */
		return -EIO;
	err = cgroup_frozen(&f->cgroup, &frozen);
	if (err) {
		snprintf(f->error, sizeof(f->error), "cgroup %.160s has gone", f->cgroup.path);
		return err;
	}
	if (frozen)
		return 0;
	if (f->left < POLL_MS) {
		snprintf(f->error, sizeof(f->error), "cgroup %.160s does not freeze in time",
			 f->cgroup.path);
		return -ETIMEDOUT;
	}
	f->left -= POLL_MS;
	return 1;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = { .tv_usec = POLL_MS * 1000 };
	struct freezer *f = arg;
	int err = look(f);

	(void)fd, (void)what;
	if (err > 0)
		event_add(f->timer, &soon);
	else
		f->done(err, f->error, f->arg);
}

/**
 * freezer_start() - freeze a cgroup
 * @f: zeroed, or released before
 * @events: the event loop
 * @cgroup: the cgroup
 * @timeout: how long to wait, ms
 * @done: called once, from the loop, unless it is released before
 * @arg: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int freezer_start(struct freezer *f, struct event_base *events, const struct cgroup *cgroup,
		  unsigned int timeout, freezer_fn done, void *arg)
{
	*f = (struct freezer){
		.cgroup = *cgroup, .left = timeout, .done = done, .arg = arg,
	};
	f->timer = evtimer_new(events, on_timer, f);
	if (!f->timer)
		return -ENOMEM;
	cgroup_freeze(&f->cgroup, &f->ours, f->error);
	event_active(f->timer, EV_TIMEOUT, 0);
	return 0;
}

/**
 * freezer_release() - let the cgroup go on, if it was us who stopped it
 * @f: the freezer, in any state
 */
void freezer_release(struct freezer *f)
{
	if (f->timer)
		event_free(f->timer);
	f->timer = NULL;
	if (f->ours && cgroup_thaw(&f->cgroup) && !access(f->cgroup.path, F_OK))
		log_error("cannot thaw %s; thaw it by hand: echo 0 > %s/cgroup.freeze",
			  f->cgroup.path, f->cgroup.path);
	f->ours = false;
}
