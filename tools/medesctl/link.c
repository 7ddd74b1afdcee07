// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Netlink for commands: a socket, and waiting for an operation.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "ctl.h"
#include "link.h"
#include "print.h"

#define POLL_US 50000

/**
 * link_open() - connect to the module
 *
 * Return: the socket, or NULL after a complaint.
 */
struct medes_nl *link_open(void)
{
	struct medes_nl *nl = calloc(1, sizeof(*nl));

	if (!nl) {
		complain("no memory for a netlink socket");
		return NULL;
	}
	if (medes_nl_open(nl)) {
		complain("%s", nl->error);
		free(nl);
		return NULL;
	}
	return nl;
}

void link_close(struct medes_nl *nl)
{
	if (nl)
		medes_nl_close(nl);
	free(nl);
}

/**
 * link_follow_op() - wait for an operation's end, with a bar
 * @nl: the socket
 * @id: the operation; cancelled on Ctrl-C
 * @what: word before the bar
 * @out: receives the operation as it ended
 *
 * Return: 0, or a negative errno after a complaint.
 */
int link_follow_op(struct medes_nl *nl, uint32_t id, const char *what, struct medes_op *out)
{
	bool cancelled = false;
	int err;

	interrupt_catch();
	for (;;) {
		err = medes_op_get(nl, id, out);
		if (err || medes_op_ended(out))
			break;
		progress_show(what, out->done, out->total);
		if (interrupted() && !cancelled) {
			cancelled = true;
			progress_end();
			complain("interrupted; cancelling operation %u", id);
			medes_op_cancel(nl, id);
		}
		usleep(POLL_US);
	}
	progress_end();
	if (err)
		complain("operation %u: %s", id, nl->error);
	return err;
}
