/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes a sandbox has.
 */
#ifndef MEDESD_MEMBERS_H
#define MEDESD_MEMBERS_H

#include <jansson.h>
#include "cgroup.h"
#include "nl.h"

int members_cgroup(const struct medes_sandbox *sandbox, struct cgroup *cgroup);
int members_refresh(struct medes_nl *nl, uint32_t sandbox, char error[MEDES_NL_ERROR]);
int members_of_pids(const uint32_t *pids, size_t n, struct members *out, char *error);

int members_of_json(const json_t *pids, struct members *out, char *error);

#endif /* MEDESD_MEMBERS_H */
