/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids inside of a user namespace, and what they are outside.
 */
#ifndef MEDESD_SUBIDS_H
#define MEDESD_SUBIDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Inside, 0 is @own; 1 to @count are @first and those behind it. */
struct subids {
	uint32_t own;
	uint32_t first;
	uint32_t count;			/* 0: there is only 0 */
};

struct subids subids_of(const char *file, uint32_t id, const char *user);
bool subids_have(const struct subids *ids, json_int_t inside);
json_t *subids_json(const struct subids *ids);	/* as an OCI configuration has them */

#endif /* MEDESD_SUBIDS_H */
