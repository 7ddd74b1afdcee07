// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints what the server serves, a line each: method, path, flags. test-openapi.py compares
 * it with Documentation/openapi.yaml.
 */
#include <stdio.h>
#include "api.h"

static const struct {
	enum evhttp_cmd_type method;
	const char *name;
} methods[] = {
	{ EVHTTP_REQ_GET, "get" }, { EVHTTP_REQ_POST, "post" }, { EVHTTP_REQ_PUT, "put" },
	{ EVHTTP_REQ_PATCH, "patch" }, { EVHTTP_REQ_DELETE, "delete" },
};

int main(void)
{
	const struct route *route;
	size_t i, k;

	for (i = 0; i < api_n_tables; i++)
		for (route = api_tables[i]; route->path; route++)
			for (k = 0; k < ARRAY_SIZE(methods); k++)
				if (route->methods & methods[k].method)
					printf("%s %s %u\n", methods[k].name, route->path, route->flags);
	return 0;
}
