/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A base that a node lets others read, as daemons tell each other.
 */
#ifndef MEDESD_OFFER_H
#define MEDESD_OFFER_H

#include <jansson.h>
#include <stdbool.h>
#include "medes.h"

struct offer {
	uint64_t base;			/* its id there */
	uint64_t generation;		/* of its export */
	uint64_t digest;		/* of its pages: the same on all nodes that have them */
	uint32_t pages;
	uint32_t leases;		/* nodes that read it */
	bool retired;			/* for no new record */
	bool restore;			/* it goes, and nobody takes it: readers do without it */
	char name[MEDES_NAME_SIZE];
	char domain[MEDES_NAME_SIZE];
	char function[MEDES_NAME_SIZE];
};

json_t *offers_json(const struct offer *offers, size_t n);
int offers_parse(const json_t *array, struct offer **offers, size_t *n, char *error, size_t size);
const struct offer *offers_find(const struct offer *offers, size_t n, uint64_t base,
				uint64_t generation);

#endif /* MEDESD_OFFER_H */
