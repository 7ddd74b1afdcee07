// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The extended ack in full: libmedes makes a sentence of it, tests want to know
 * whether there was one.
 */
#include <linux/netlink.h>
#include <sys/socket.h>
#include "ask.h"
#include "harness.h"
#include "world.h"

struct nl_msg *ask_message(uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(65536);

	REQUIRE(msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl.family, 0,
				   NLM_F_REQUEST | flags, cmd, MEDES_FAMILY_VERSION),
		"no memory");
	return msg;
}

static void read_attributes(struct nlattr *head, int len, struct answer *a)
{
	struct nlattr *attr;
	int left;

	nla_for_each_attr(attr, head, len, left) {
		if (nla_type(attr) == NLMSGERR_ATTR_MSG)
			nla_strlcpy(a->text, attr, sizeof(a->text));
		a->explained |= nla_type(attr) == NLMSGERR_ATTR_MSG ||
				nla_type(attr) == NLMSGERR_ATTR_OFFS ||
				nla_type(attr) == NLMSGERR_ATTR_MISS_TYPE;
	}
}

/* The end of a request, as an ack or as the end of a dump. */
static void read_end(struct nlmsghdr *nlh, struct answer *a)
{
	const struct nlmsgerr *e = nlmsg_data(nlh);
	int used = sizeof(int);

	a->err = e->error;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		used = sizeof(*e);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			used += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		read_attributes((void *)((char *)e + NLMSG_ALIGN(used)),
				nlmsg_datalen(nlh) - NLMSG_ALIGN(used), a);
}

static bool read_buffer(uint32_t seq, struct answer *a)
{
	struct nlmsghdr *nlh = (void *)nl.buffer;
	ssize_t n = recv(medes_nl_fd(&nl), nl.buffer, sizeof(nl.buffer), 0);
	int left = n;

	REQUIRE(n > 0, "no answer: %s", strerror(errno));
	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
			read_end(nlh, a);
			return false;
		}
		a->replies++;
	}
	return true;
}

void ask(struct nl_msg *msg, struct answer *a)
{
	memset(a, 0, sizeof(*a));
	REQUIRE(!medes_nl_send(&nl, msg), "%s", nl.error);
	nlmsg_free(msg);
	while (read_buffer(nl.seq, a))
		;
}
