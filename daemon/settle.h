/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the records of a sandbox are made again, densely, and bases packed.
 */
#ifndef MEDESD_SETTLE_H
#define MEDESD_SETTLE_H

#include <stdint.h>

struct daemon;
struct settler;

struct settler *settler_new(struct daemon *daemon);
void settler_free(struct settler *settler);
void settle_later(struct settler *settler, uint32_t sandbox);
void settle_pack_later(struct settler *settler, uint64_t base);

#endif /* MEDESD_SETTLE_H */
