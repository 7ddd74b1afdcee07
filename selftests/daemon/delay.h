/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP proxy on a loopback port, in the event loop of a test: what the server answers comes late, in part,
 * or not at all.
 */
#ifndef TEST_DELAY_H
#define TEST_DELAY_H

#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>

struct delay;

struct delay *delay_new(struct event_base *events, uint16_t server);
void delay_free(struct delay *d);
uint16_t delay_port(const struct delay *d);

/* From now on, on all connections: */
void delay_set(struct delay *d, unsigned int ms);
void delay_pass(struct delay *d, size_t bytes);	/* no more than these of all answers */
void delay_cut(struct delay *d);		/* connections end; new ones are accepted */

#endif /* TEST_DELAY_H */
