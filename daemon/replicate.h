/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bases of other nodes, on their way to be copied here.
 */
#ifndef MEDESD_REPLICATE_H
#define MEDESD_REPLICATE_H

#include "daemon.h"
#include "offer.h"

struct replication;
struct replications;

struct replications *replications_new(struct daemon *daemon);
void replications_free(struct replications *r);

/* The one that is under way for these pages, or a new one; NULL: no memory. */
struct replication *replication_begin(struct replications *r, const struct offer *what);
json_t *replication_tell(struct replication *one);

/* Is a base read, or being filled, by one of them? */
bool replications_read(const struct replications *r, uint64_t base);
bool replications_fill(const struct replications *r, uint64_t base);

#endif /* MEDESD_REPLICATE_H */
