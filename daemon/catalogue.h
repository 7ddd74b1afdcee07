/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which revision of each function this node has.
 */
#ifndef MEDESD_CATALOGUE_H
#define MEDESD_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>
#include "known.h"
#include "spec.h"

struct catalogue;
struct daemon;

struct catalogue *catalogue_new(const char *state);
void catalogue_free(struct catalogue *c);
bool catalogue_find(const struct daemon *d, const char *domain, const char *name,
		    struct known *out);
void catalogue_each_removed(const struct daemon *d,
			    void (*fn)(const struct known *known, void *arg), void *arg);
uint64_t catalogue_next(const struct daemon *d, uint64_t epoch);

int catalogue_put(struct daemon *d, const char *domain, struct spec *spec, uint64_t revision);
int catalogue_remove(struct daemon *d, const char *domain, const char *name, uint64_t revision);

#endif /* MEDESD_CATALOGUE_H */
