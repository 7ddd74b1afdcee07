/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that libmedes would not send, and all that the kernel says to them.
 */
#ifndef SELFTEST_ASK_H
#define SELFTEST_ASK_H

#include "nl.h"

struct answer {
	int err;
	bool explained;			/* words, or which attribute it is about */
	char text[120];
	size_t replies;			/* messages before the end */
};

/* A message of the family with only its headers; flags as NLM_F_DUMP. */
struct nl_msg *ask_message(uint8_t cmd, int flags);

/* Send (and free) it, read to the end. The socket is this process's nl. */
void ask(struct nl_msg *msg, struct answer *a);

#endif /* SELFTEST_ASK_H */
