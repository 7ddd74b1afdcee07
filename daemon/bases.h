/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the registry in step with the kernel's bases.
 */
#ifndef MEDESD_BASES_H
#define MEDESD_BASES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct daemon;
struct medes_base;

/* Somebody who needs the registry to know every base that there is now. */
struct bases_waiter {
	TAILQ_ENTRY(bases_waiter) link;
	enum { BASES_IDLE, BASES_NEXT, BASES_NOW } round;
	/* error says why err is not 0 */
	void (*fn)(int err, const char *error, void *arg);
	void *arg;
};

struct bases;

struct bases *bases_new(struct daemon *daemon);
void bases_free(struct bases *b);
void bases_sync(struct bases *b, struct bases_waiter *waiter);
void bases_unwait(struct bases *b, struct bases_waiter *waiter);
void bases_down(struct bases *b);
void bases_retire(struct bases *b, uint64_t base);
void bases_exported(struct bases *b, const struct medes_base *base);
bool bases_retired(const struct bases *b, uint64_t base);

/* base_view.c */
double bases_show(struct daemon *daemon);

#endif /* MEDESD_BASES_H */
