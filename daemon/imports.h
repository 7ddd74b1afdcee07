/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bases of other nodes, between the kernel that imports them and the engine that finds them.
 */
#ifndef MEDESD_IMPORTS_H
#define MEDESD_IMPORTS_H

#include "daemon.h"
#include "medes.h"
#include "share_plan.h"

void imports_tell(struct daemon *d, const struct medes_bases *list);
bool imports_found(const struct daemon *d, const struct medes_base *base);
bool imports_wanted(const struct daemon *d, const struct share_offer *offer);

#endif /* MEDESD_IMPORTS_H */
