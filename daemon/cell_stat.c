// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a cgroup's files say about its use; those below it count, too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cell.h"
#include "proc.h"

#define STAT_MAX 8192

static bool find_number(const char *text, const char *key, uint64_t *number)
{
	size_t len = strlen(key);

	for (; text && *text; text = strchr(text, '\n'), text = text ? text + 1 : NULL)
		if (!strncmp(text, key, len) && text[len] == ' ') {
			*number = strtoull(text + len, NULL, 10);
			return true;
		}
	return false;
}

static bool read_number(const struct cgroup *cell, const char *file, const char *key,
			uint64_t *number)
{
	char path[PATH_MAX], text[STAT_MAX];

	return cell->path[0] && !cgroup_file(cell, file, path) &&
	       medes_file_read(path, text, sizeof(text)) > 0 && find_number(text, key, number);
}

/**
 * cell_memory() - anonymous memory that is charged to a cell
 * @cell: the cell
 *
 * Return: bytes; 0: not known.
 */
uint64_t cell_memory(const struct cgroup *cell)
{
	uint64_t bytes = 0;

	read_number(cell, "memory.stat", "anon", &bytes);
	return bytes;
}

bool cell_oom_killed(const struct cgroup *cell)
{
	uint64_t n = 0;

	return read_number(cell, "memory.events", "oom_kill", &n) && n;
}

/**
 * cell_ran() - how long its processes have run
 * @cell: any cgroup; no controller is needed
 * @us: receives it
 *
 * Return: false: not known, it has gone.
 */
bool cell_ran(const struct cgroup *cell, uint64_t *us)
{
	return read_number(cell, "cpu.stat", "usage_usec", us);
}
