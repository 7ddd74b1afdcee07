// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Netlink client.
 *
 * libnl makes the sockets and the messages, finds the family and parses
 * attributes. The receive loop is here, because a dump must be readable one
 * buffer at a time from an event loop: each read makes the kernel produce the
 * next 32 KiB, and libnl's own loop would go on to the end of the dump.
 *
 * A socket serves one thread, and one request or dump at a time. Every failure
 * leaves a sentence in nl->error; what the kernel said (extended ack) comes
 * first in it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "nl.h"

#define REPLY_SECONDS 30

/**
 * medes_nl_fail() - note why a call failed
 * @nl: the socket
 * @err: negative errno
 * @format: the sentence
 *
 * Return: @err.
 */
int medes_nl_fail(struct medes_nl *nl, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(nl->error, sizeof(nl->error), format, args);
	va_end(args);
	return err;
}

static int family_absent(struct medes_nl *nl)
{
	return medes_nl_fail(nl, -ENODEV,
			     "the kernel module is not loaded; load it with: modprobe medes");
}

static int from_nlerr(int nlerr)
{
	switch (-nlerr) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/**
 * medes_nl_open() - open a socket to the module
 * @nl: zeroed, or closed before
 *
 * Return: 0, -ENODEV when the module is not loaded, another negative errno.
 */
int medes_nl_open(struct medes_nl *nl)
{
	const struct timeval wait = { .tv_sec = REPLY_SECONDS };
	int err, on = 1;

	nl->error[0] = '\0';
	nl->seq = 0;
	nl->sk = nl_socket_alloc();
	if (!nl->sk)
		return medes_nl_fail(nl, -ENOMEM, "no memory for a netlink socket");
	err = genl_connect(nl->sk);
	if (err) {
		err = from_nlerr(err);
		medes_nl_fail(nl, err, "cannot open a generic netlink socket: %s", strerror(-err));
		goto err_close;
	}
	nl->family = genl_ctrl_resolve(nl->sk, MEDES_FAMILY_NAME);
	if (nl->family < 0) {
		err = family_absent(nl);
		goto err_close;
	}
	if (setsockopt(medes_nl_fd(nl), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(medes_nl_fd(nl), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) ||
	    setsockopt(medes_nl_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait))) {
		err = -errno;
		medes_nl_fail(nl, err, "cannot set up a netlink socket: %s", strerror(-err));
		goto err_close;
	}
	return 0;

err_close:
	medes_nl_close(nl);
	return err;
}

/**
 * medes_nl_close() - close a socket; the reason in nl->error stays
 * @nl: the socket, possibly closed
 */
void medes_nl_close(struct medes_nl *nl)
{
	if (nl->sk)
		nl_socket_free(nl->sk);
	nl->sk = NULL;
}

/**
 * medes_nl_subscribe() - have the module's events sent to this socket
 * @nl: an open socket, used for nothing else from now on
 *
 * Return: 0 or a negative errno.
 */
int medes_nl_subscribe(struct medes_nl *nl)
{
	const int bytes = 1 << 20;
	int group, err;

	group = genl_ctrl_resolve_grp(nl->sk, MEDES_FAMILY_NAME, MEDES_MCGRP_EVENTS);
	if (group < 0)
		return family_absent(nl);
	/* best effort: a small buffer loses events, which can be listed again */
	setsockopt(medes_nl_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(medes_nl_fd(nl), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group))) {
		err = -errno;
		return medes_nl_fail(nl, err, "cannot join the module's events: %s",
				     strerror(-err));
	}
	return 0;
}

/**
 * medes_nl_fd() - the file descriptor, to poll
 * @nl: an open socket
 */
int medes_nl_fd(const struct medes_nl *nl)
{
	return nl_socket_get_fd(nl->sk);
}

/**
 * medes_nl_message() - begin a message
 * @nl: an open socket
 * @cmd: MEDES_CMD_*
 * @flags: NLM_F_DUMP for a dump
 * @size: room for attributes, bytes
 *
 * Return: the message, or NULL with nl->error set.
 */
struct nl_msg *medes_nl_message(struct medes_nl *nl, uint8_t cmd, int flags, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + size);

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
				 flags | NLM_F_REQUEST, cmd, MEDES_FAMILY_VERSION)) {
		nlmsg_free(msg);
		medes_nl_fail(nl, -ENOMEM, "no memory for a netlink message");
		return NULL;
	}
	return msg;
}

/**
 * medes_nl_send() - send a request and wait for nothing
 * @nl: an open socket
 * @msg: the message, which stays the caller's and may be sent again
 *
 * Return: 0 or a negative errno.
 */
int medes_nl_send(struct medes_nl *nl, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	int n;

	nlh->nlmsg_seq = NL_AUTO_SEQ;
	nl_complete_msg(nl->sk, msg);
	nl->seq = nlh->nlmsg_seq;
	nl->interrupted = false;
	nl->broken = 0;
	nl->error[0] = '\0';
	n = nl_send(nl->sk, msg);
	if (n < 0)
		return medes_nl_fail(nl, from_nlerr(n), "cannot send to the module: %s",
				     nl_geterror(n));
	return 0;
}

static void put_error(struct medes_nl *nl, int err, const char *text)
{
	const char *reason = strerror(-err);

	if (err == -EPERM && !text)
		reason = "not permitted: run as root, in the initial user and network namespaces";
	if (text)
		medes_nl_fail(nl, err, "%s (%s)", text, reason);
	else
		medes_nl_fail(nl, err, "%s", reason);
}

/* What the kernel said in words, from the attributes behind an ack. */
static const char *ack_text(struct nlattr *head, int len)
{
	struct nlattr *text = nla_find(head, len, NLMSGERR_ATTR_MSG);

	/* it must end within the attribute */
	if (!text || !memchr(nla_data(text), '\0', nla_len(text)))
		return NULL;
	return nla_data(text);
}

/* An ack or a refusal. 0: done, negative errno: refused. */
static int on_ack(struct medes_nl *nl, struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = nlmsg_data(nlh);
	int used = sizeof(*e);
	const char *text = NULL;

	if (nlmsg_datalen(nlh) < used)
		return medes_nl_fail(nl, -EPROTO, "the kernel sent a truncated answer");
	if (!e->error)
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		used += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && nlmsg_datalen(nlh) > used)
		text = ack_text((void *)((char *)e + used), nlmsg_datalen(nlh) - used);
	put_error(nl, e->error, text);
	return e->error;
}

/* The end of a dump carries its result. */
static int on_done(struct medes_nl *nl, struct nlmsghdr *nlh)
{
	const int used = NLMSG_ALIGN(sizeof(int));
	const char *text = NULL;
	int err = 0;

	if (nlmsg_datalen(nlh) >= used)
		memcpy(&err, nlmsg_data(nlh), sizeof(err));
	if (err < 0) {
		if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && nlmsg_datalen(nlh) > used)
			text = ack_text((void *)((char *)nlmsg_data(nlh) + used),
					nlmsg_datalen(nlh) - used);
		put_error(nl, err, text);
		return err;
	}
	if (nl->interrupted)
		return medes_nl_fail(nl, -EINTR, "the list changed while it was read");
	return 0;
}

/* Of a request that the kernel has answered: what the handler made of it. */
static int on_end(struct medes_nl *nl, int err)
{
	if (err || !nl->broken)
		return err;
	return medes_nl_fail(nl, nl->broken, "cannot use the module's answer: %s",
			     strerror(-nl->broken));
}

/* 1: more may come, 0: the request is answered, else a negative errno. */
static int on_message(struct medes_nl *nl, struct nlmsghdr *nlh, medes_nl_fn fn, void *arg)
{
	const struct genlmsghdr *genl = nlmsg_data(nlh);
	int err;

	if (nl->seq && nlh->nlmsg_seq != nl->seq)
		return 1;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		return on_end(nl, on_ack(nl, nlh));
	case NLMSG_DONE:
		return on_end(nl, on_done(nl, nlh));
	case NLMSG_NOOP:
		return 1;
	}
	if (nlh->nlmsg_type != nl->family || nlmsg_datalen(nlh) < (int)GENL_HDRLEN)
		return 1;
	/* read on to the end, so that the socket is fit for the next request */
	err = fn && !nl->broken ? fn(genl->cmd, nlh, arg) : 0;
	if (err)
		nl->broken = err;
	return 1;
}

/**
 * medes_nl_receive() - read one buffer
 * @nl: an open socket; blocks unless its descriptor is non-blocking
 * @fn: gets each message, may be NULL
 * @arg: for @fn
 *
 * Return: 1 when more is to come (always, for events), 0 when the request or
 * dump is complete, a negative errno when it failed: -EAGAIN nothing to read,
 * -ENOBUFS events were lost, -EINTR the dump is inconsistent: repeat it.
 */
int medes_nl_receive(struct medes_nl *nl, medes_nl_fn fn, void *arg)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	struct nlmsghdr *nlh;
	int left, err = 1;
	ssize_t n;

	do {
		n = recvfrom(medes_nl_fd(nl), nl->buffer, sizeof(nl->buffer), MSG_TRUNC,
			     (struct sockaddr *)&from, &len);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		err = -errno;
		return medes_nl_fail(nl, err, "no answer from the module: %s", strerror(-err));
	}
	if (n > (ssize_t)sizeof(nl->buffer))
		return medes_nl_fail(nl, -EMSGSIZE, "the kernel sent %zd bytes at once", n);
	if (from.nl_pid)	/* not from the kernel */
		return 1;
	left = n;
	for (nlh = (void *)nl->buffer; nlmsg_ok(nlh, left) && err > 0; nlh = nlmsg_next(nlh, &left))
		err = on_message(nl, nlh, fn, arg);
	return err;
}

/**
 * medes_nl_request() - send a request and read its answers to the end
 * @nl: an open socket
 * @msg: the message, freed here; NULL when it could not be made
 * @fn: gets each message, may be NULL
 * @arg: for @fn
 *
 * Return: 0 or a negative errno. After -EAGAIN (the kernel did not answer in
 * half a minute) the socket stays usable: late answers are skipped.
 */
int medes_nl_request(struct medes_nl *nl, struct nl_msg *msg, medes_nl_fn fn, void *arg)
{
	int err;

	if (!msg)
		return nl->error[0] ? -ENOMEM :
			medes_nl_fail(nl, -ENOMEM, "no memory for a netlink message");
	err = medes_nl_send(nl, msg);
	nlmsg_free(msg);
	if (err)
		return err;
	do {
		err = medes_nl_receive(nl, fn, arg);
	} while (err > 0);
	return err;
}
