/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of one function of a cluster: on a node's disk, in its report, at the controller.
 */
#ifndef MEDESD_KNOWN_H
#define MEDESD_KNOWN_H

#include <jansson.h>
#include "function.h"

struct known {
	char key[FUNCTION_KEY];		/* domain/name */
	char domain[MEDES_NAME_SIZE], name[MEDES_NAME_SIZE];
	uint64_t revision;		/* 0: the cluster knows nothing of it */
	bool removed;
};

void known_init(struct known *k, const char *domain, const char *name);
int known_parse(struct known *k, const json_t *row);
json_t *known_json(const struct known *k);

#endif /* MEDESD_KNOWN_H */
