/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroup of a sandbox that the daemon runs.
 */
#ifndef MEDESD_CELL_H
#define MEDESD_CELL_H

#include <jansson.h>
#include "cgroup.h"
#include "spec.h"

/* Where cells are. Zeroed: nowhere, sandboxes have no cgroup. */
struct cells {
	struct cgroup root;
	bool memory, cpu, pids;		/* controllers that work there */
};

/* 0 or a negative errno, and error says why */
int cells_open(struct cells *cells, const char *path, char error[CGROUP_ERROR]);
void cells_close(const struct cells *cells);
int cell_make(const struct cells *cells, const char *name, const struct spec *spec,
	      struct cgroup *cell, char error[CGROUP_ERROR]);

int cell_nest(const struct cgroup *cell, const char *name, struct cgroup *out,
	      char error[CGROUP_ERROR]);

int cell_fd(const struct cgroup *cell);
void cell_kill(const struct cgroup *cell);
int cell_remove(const struct cgroup *cell);	/* -EBUSY: not empty yet */

/* cell_stat.c */
uint64_t cell_memory(const struct cgroup *cell);
bool cell_oom_killed(const struct cgroup *cell);
bool cell_ran(const struct cgroup *cell, uint64_t *us);

/* Frozen for as long as its box is deduplicated, also while no daemon runs. */
int cell_sleep(const struct cgroup *cell);
int cell_wake(const struct cgroup *cell);
bool cell_asleep(const struct cgroup *cell);

/* What a restarted daemon must know, written on the cgroup. */
int cell_mark(const struct cgroup *cell, const json_t *mark);
void cell_unmark(const struct cgroup *cell);
json_t *cell_read_mark(const struct cgroup *cell);

#endif /* MEDESD_CELL_H */
