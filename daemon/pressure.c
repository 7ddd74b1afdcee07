// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How short the machine is of memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"
#include "proc.h"

#define MEMINFO_MAX 4096

/**
 * pressure_read() - look at the machine's memory
 * @available: bytes that could be allocated without swapping
 * @stalled: share of the last ten seconds in which something waited for memory, %;
 *	0 on a kernel that does not count it
 */
bool pressure_read(double *available, double *stalled)
{
	char text[MEMINFO_MAX];
	const char *line;
	unsigned long long kib;

	*stalled = 0;
	if (medes_file_read("/proc/pressure/memory", text, sizeof(text)) > 0)
		sscanf(text, "some avg10=%lf", stalled);
	if (medes_file_read("/proc/meminfo", text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "MemAvailable:");
	if (!line || sscanf(line, "MemAvailable: %llu", &kib) != 1)
		return false;
	*available = kib * 1024.0;
	return true;
}
