// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The runtimes that there are.
 */
#include <stddef.h>
#include <string.h>
#include "runtime.h"

static const struct runtime *const runtimes[] = { &runtime_process, &runtime_oci };

const struct runtime *runtime_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (!strcmp(runtimes[i]->name, name))
			return runtimes[i];
	return NULL;
}

void runtimes_orphan(struct host *host, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(runtimes); i++)
		runtimes[i]->orphan(host, name);
}
