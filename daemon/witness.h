/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the siblings of a sandbox have, to know what is worth being a base page.
 */
#ifndef MEDESD_WITNESS_H
#define MEDESD_WITNESS_H

#include "daemon.h"
#include "medes.h"

#define WITNESSES_MAX 8

/* Zeroed: none. */
struct witness {
	struct daemon *daemon;
	struct registry *pages;		/* of the siblings; NULL: none has any */
	struct scan *scan;
	uint32_t siblings[WITNESSES_MAX];
	unsigned int n;
	unsigned int at;
	uint64_t scanned;
	void (*done)(int err, const char *error, void *arg);
	void *arg;
};

struct witness_of {
	uint32_t sandbox;		/* id */
	const char *domain;
	const char *function;
};

int witness_start(struct witness *w, struct daemon *daemon, const struct witness_of *of,
		  void (*done)(int err, const char *error, void *arg), void *arg);
void witness_ask(const struct witness *w, const struct medes_page *pages, size_t n, bool *seen);
void witness_free(struct witness *w);

#endif /* MEDESD_WITNESS_H */
