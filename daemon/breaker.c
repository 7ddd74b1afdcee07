// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three failures in a row open the breaker. When its time is over one request may try; does
 * it fail, the time doubles, up to half a minute. Pure functions of a given time.
 */
#include "breaker.h"

#define FAILURES 3
#define WAIT_MIN 500000ULL
#define WAIT_MAX 30000000ULL

/**
 * breaker_allows() - may a request be sent
 * @b: the breaker; who is told yes calls breaker_good() or breaker_bad() later
 * @now: the time
 */
bool breaker_allows(struct breaker *b, uint64_t now)
{
	if (b->state == BREAKER_CLOSED)
		return true;
	if (b->state == BREAKER_TRYING || now < b->until)
		return false;
	b->state = BREAKER_TRYING;
	return true;
}

/**
 * breaker_good() - a request was answered in time
 * @b: the breaker
 */
void breaker_good(struct breaker *b)
{
	b->state = BREAKER_CLOSED;
	b->failures = 0;
	b->wait = 0;
}

/**
 * breaker_bad() - a request was not answered in time
 * @b: the breaker
 * @now: the time
 *
 * Return: whether this opened the breaker.
 */
bool breaker_bad(struct breaker *b, uint64_t now)
{
	if (b->state == BREAKER_OPEN)
		return false;
	if (b->state == BREAKER_CLOSED && ++b->failures < FAILURES)
		return false;
	b->wait = b->wait ? 2 * b->wait : WAIT_MIN;
	if (b->wait > WAIT_MAX)
		b->wait = WAIT_MAX;
	b->until = now + b->wait;
	b->state = BREAKER_OPEN;
	b->opened++;
	return true;
}

const char *breaker_name(const struct breaker *b)
{
	static const char *const names[] = {
		[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_TRYING] = "trying",
	};

	return names[b->state];
}
