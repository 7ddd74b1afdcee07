/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the registry in step with the kernel's bases.
 */
#ifndef MEDESD_BASES_H
#define MEDESD_BASES_H

#include "nl.h"
#include "registry.h"

int bases_sync(struct medes_nl *nl, struct registry *registry);

#endif /* MEDESD_BASES_H */
