/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hash slots of a Valkey cluster: which a key belongs to, what a redirection says.
 */
#ifndef MEDESD_SLOTS_H
#define MEDESD_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS 16384

/* Long enough for an IPv6 address. */
#define SLOT_HOST 64

struct redirection {
	bool ask;			/* for this request only */
	unsigned int slot;
	char host[SLOT_HOST];		/* empty: that of the server which said so */
	uint16_t port;
};

unsigned int slot_of(const char *key, size_t len);
bool slot_redirection(const char *error, struct redirection *out);
bool slot_address(const char *text, char host[SLOT_HOST], uint16_t *port);

#endif /* MEDESD_SLOTS_H */
