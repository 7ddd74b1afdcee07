/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The highest epoch that a node has obeyed, and whose it was.
 */
#ifndef MEDESD_EPOCH_H
#define MEDESD_EPOCH_H

#include <stddef.h>
#include <stdint.h>
#include "medes.h"

struct epoch {
	uint64_t number;		/* 0: none yet */
	char controller[MEDES_NAME_SIZE];
	char directory[256];		/* where it is kept; empty: nowhere */
};

int epoch_load(struct epoch *e, const char *directory, char *error, size_t size);
int epoch_accept(struct epoch *e, uint64_t number, const char *controller, char *error,
		 size_t size);

#endif /* MEDESD_EPOCH_H */
