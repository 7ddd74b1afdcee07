/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the cluster's controllers leads.
 */
#ifndef MEDESD_ELECTION_H
#define MEDESD_ELECTION_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct valkey;
struct election;

struct election_settings {
	const char *cluster;
	const char *id;			/* of this controller, without blanks */
	unsigned int lease;		/* ms */
	uint64_t floor;			/* highest epoch that is known to have been used */
	/* it leads, or does not any more, or another one does; may be NULL */
	void (*changed)(void *arg);
	void *arg;
};

struct election *election_new(struct event_base *events, struct valkey *valkey,
			      const struct election_settings *settings);
void election_free(struct election *e);
bool election_leads(const struct election *e, uint64_t *epoch);
const char *election_leader(const struct election *e, uint64_t *epoch);
void election_outbid(struct election *e, uint64_t epoch);
void election_resign(struct election *e);

#endif /* MEDESD_ELECTION_H */
