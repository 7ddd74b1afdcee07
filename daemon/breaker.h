/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A circuit breaker: who does not answer in time is not asked for a while.
 */
#ifndef MEDESD_BREAKER_H
#define MEDESD_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state {
	BREAKER_CLOSED,			/* all may pass */
	BREAKER_OPEN,			/* none may */
	BREAKER_TRYING,			/* one does, the others wait for how it ends */
};

/* Zeroed: closed. Times are us of a clock that never steps. */
struct breaker {
	enum breaker_state state;
	unsigned int failures;		/* in a row */
	uint64_t wait;			/* how long it was open the last time */
	uint64_t until;
	unsigned long opened;		/* how often */
};

bool breaker_allows(struct breaker *b, uint64_t now);
void breaker_good(struct breaker *b);
bool breaker_bad(struct breaker *b, uint64_t now);
const char *breaker_name(const struct breaker *b);

#endif /* MEDESD_BREAKER_H */
