/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oom_score_adj of processes, lowered while they are deduplicated and put back.
 */
#ifndef MEDESD_OOM_H
#define MEDESD_OOM_H

#include "medes.h"

struct oom;

struct oom *oom_new(const char *dir);
void oom_free(struct oom *oom);

/* A round: every process that is to have less, then the others get theirs back. */
void oom_begin(struct oom *oom);
void oom_lower(struct oom *oom, const struct medes_process *process, int less);
void oom_end(struct oom *oom);

#endif /* MEDESD_OOM_H */
