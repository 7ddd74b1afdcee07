/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which controller leads, and which nodes are alive.
 */
#ifndef MEDESD_LEASES_H
#define MEDESD_LEASES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct leases;

struct leases *leases_new(struct daemon *daemon);
void leases_free(struct leases *l);
bool leases_leads(const struct leases *l, uint64_t *epoch);
void leases_obeyed(const struct leases *l, uint64_t *epoch, const char **controller);
void leases_outbid(struct leases *l, uint64_t epoch);
int leases_obey(struct leases *l, uint64_t epoch, const char *controller, char *error,
		size_t size);
json_t *leases_json(const struct leases *l);

#endif /* MEDESD_LEASES_H */
