// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connection to the module.
 *
 * Three sockets: one to generic netlink's controller, which says when a family
 * comes or goes; one for requests, synchronous because each is short; one in the
 * event loop for the module's events. A scan, which is long, has a socket of its
 * own (scan.c).
 *
 * The controller's word is only a reason to look: features-get tells whether a
 * module is there, and by its instance whether it is the one that was known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include "kernel.h"
#include "log.h"
#include "ops.h"
#include "parse.h"

struct kernel {
	struct event_base *events;
	struct kernel_handlers handlers;
	void *arg;
	struct nl_sock *ctrl;
	struct event *ctrl_event;
	struct event *event_event;
	struct event *retry;
	bool present;
	uint64_t instance;
	struct medes_nl requests;
	struct medes_nl notices;
};

static void check(struct kernel *k);

/**
 * kernel_nl() - the socket for requests
 * @k: the connection
 *
 * Return: the socket, or NULL when the module is not loaded.
 */
struct medes_nl *kernel_nl(struct kernel *k)
{
	return k->present ? &k->requests : NULL;
}

uint64_t kernel_instance(const struct kernel *k)
{
	return k->present ? k->instance : 0;
}

static int on_notice(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct kernel *k = arg;
	struct medes_sandbox sandbox;
	struct medes_loss loss;
	struct medes_op op;
	int err = 0;

	switch (cmd) {
	case MEDES_CMD_OP_NTF:
		err = medes_parse_op(nlh, &op);
		if (!err)
			k->handlers.op(&op, k->arg);
		break;
	case MEDES_CMD_SANDBOX_NTF:
		err = medes_parse_sandbox(nlh, &sandbox);
		if (err)
			break;
		k->handlers.sandbox(&sandbox, k->arg);
		medes_sandbox_clear(&sandbox);
		break;
	case MEDES_CMD_LOSS_NTF:
		err = medes_parse_loss(nlh, &loss);
		if (!err)
			k->handlers.loss(&loss, k->arg);
		break;
	case MEDES_CMD_PEER_NTF:
		k->handlers.peer(k->arg);
		break;
	}
	if (err)
		log_warning("an event of the module makes no sense (command %u): %s", cmd,
			    strerror(-err));
	return 0;
}

static void on_notices(evutil_socket_t fd, short what, void *arg)
{
	struct kernel *k = arg;
	int err;

	(void)fd, (void)what;
	err = medes_nl_receive(&k->notices, on_notice, k);
	if (err == -ENOBUFS) {
		log_warning("events of the module were lost; reading its state again");
		k->handlers.overrun(k->arg);
	} else if (err < 0 && err != -EAGAIN) {
		log_warning("the module's events: %s", k->notices.error);
	}
}

static int open_sockets(struct kernel *k)
{
	struct medes_features features;
	int err;

	err = medes_nl_open(&k->requests);
	if (err)
		return err;
	err = medes_features_get(&k->requests, &features);
	if (err)
		goto err_requests;
	err = medes_nl_open(&k->notices);
	if (!err)
		err = medes_nl_subscribe(&k->notices);
	if (err) {
		strcpy(k->requests.error, k->notices.error);
		goto err_notices;
	}
	evutil_make_socket_nonblocking(medes_nl_fd(&k->notices));
	k->event_event = event_new(k->events, medes_nl_fd(&k->notices), EV_READ | EV_PERSIST,
				   on_notices, k);
	if (!k->event_event || event_add(k->event_event, NULL)) {
		err = medes_nl_fail(&k->requests, -ENOMEM, "no memory for the module's events");
		goto err_event;
	}
	k->instance = features.instance;
	return 0;

err_event:
	if (k->event_event)
		event_free(k->event_event);
	k->event_event = NULL;
err_notices:
	medes_nl_close(&k->notices);
err_requests:
	medes_nl_close(&k->requests);
	return err;
}

static void close_sockets(struct kernel *k)
{
	event_free(k->event_event);
	k->event_event = NULL;
	medes_nl_close(&k->notices);
	medes_nl_close(&k->requests);
}

/* Is the module that we know still there? */
static bool same_module(struct kernel *k)
{
	struct medes_features features;

	return !medes_features_get(&k->requests, &features) && features.instance == k->instance;
}

static void look_again(struct kernel *k)
{
	const struct timeval second = { .tv_sec = 1 };

	event_add(k->retry, &second);
}

static void check(struct kernel *k)
{
	int err;

	if (k->present && same_module(k))
		return;
	if (k->present) {
		log_notice("the kernel module has gone");
		k->present = false;
		close_sockets(k);
		k->handlers.down(k->arg);
	}
	err = open_sockets(k);
	if (err == -ENODEV)
		return;
	if (err) {
		log_error("the kernel module is loaded, but: %s", k->requests.error);
		look_again(k);
		return;
	}
	k->present = true;
	log_notice("connected to the kernel module, instance 0x%016llx",
		   (unsigned long long)k->instance);
	k->handlers.up(k->arg);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	check(arg);
}

/* The controller's messages: does one concern our family? */
static int on_family(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	bool *ours = arg;

	if (!genlmsg_parse(nlmsg_hdr(msg), 0, tb, CTRL_ATTR_MAX, NULL) &&
	    tb[CTRL_ATTR_FAMILY_NAME] &&
	    !nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], MEDES_FAMILY_NAME))
		*ours = true;
	return NL_OK;
}

static void on_ctrl(evutil_socket_t fd, short what, void *arg)
{
	struct kernel *k = arg;
	bool ours = false;
	int err;

	(void)fd, (void)what;
	nl_socket_modify_cb(k->ctrl, NL_CB_VALID, NL_CB_CUSTOM, on_family, &ours);
	err = nl_recvmsgs_default(k->ctrl);
	if (ours || (err && err != -NLE_AGAIN))
		check(k);
}

static int open_ctrl(struct kernel *k)
{
	int group;

	k->ctrl = nl_socket_alloc();
	if (!k->ctrl)
		return -ENOMEM;
	nl_socket_disable_seq_check(k->ctrl);
	if (genl_connect(k->ctrl))
		return -EIO;
	group = genl_ctrl_resolve_grp(k->ctrl, "nlctrl", "notify");
	if (group < 0 || nl_socket_add_membership(k->ctrl, group) ||
	    nl_socket_set_nonblocking(k->ctrl))
		return -EIO;
	k->ctrl_event = event_new(k->events, nl_socket_get_fd(k->ctrl), EV_READ | EV_PERSIST,
				  on_ctrl, k);
	return k->ctrl_event && !event_add(k->ctrl_event, NULL) ? 0 : -ENOMEM;
}

/**
 * kernel_new() - make ready to follow the module
 * @events: the event loop
 * @handlers: told what happens, from kernel_start() on
 * @arg: for @handlers
 *
 * Return: the connection, or NULL with a line in the log.
 */
struct kernel *kernel_new(struct event_base *events, const struct kernel_handlers *handlers,
			  void *arg)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int err = -ENOMEM;

	if (!k)
		goto err_log;
	k->events = events;
	k->handlers = *handlers;
	k->arg = arg;
	k->retry = evtimer_new(events, on_retry, k);
	if (k->retry)
		err = open_ctrl(k);
	if (err)
		goto err_free;
	return k;

err_free:
	kernel_free(k);
err_log:
	log_error("cannot follow generic netlink: %s", strerror(-err));
	return NULL;
}

/**
 * kernel_start() - look for the module, and follow it from now on
 * @k: the connection; up() is called from here when the module is loaded
 */
void kernel_start(struct kernel *k)
{
	check(k);
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->present)
		close_sockets(k);
	if (k->ctrl_event)
		event_free(k->ctrl_event);
	if (k->ctrl)
		nl_socket_free(k->ctrl);
	if (k->retry)
		event_free(k->retry);
	free(k);
}
