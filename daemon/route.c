// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a path to the handler that serves it.
 */
#include <stdlib.h>
#include <string.h>
#include "route.h"

/* One part of a path, decoded, must be a name. */
static bool take_arg(const char *part, size_t len, char arg[MEDES_NAME_SIZE])
{
	char *coded = strndup(part, len), *text = NULL;
	size_t size = 0;
	bool fits;

	if (coded)
		text = evhttp_uridecode(coded, 0, &size);
	fits = text && size && size < MEDES_NAME_SIZE && strlen(text) == size;
	if (fits)
		strcpy(arg, text);
	free(text);
	free(coded);
	return fits;
}

static bool matches(const char *pattern, const char *path, struct request *r)
{
	size_t want, have;

	for (;; pattern += want, path += have) {
		if (*pattern != *path || !*pattern)
			return *pattern == *path;
		pattern++, path++;	/* both are at a slash */
		if (!strcmp(pattern, "**")) {
			r->tail = path - 1;
			return true;
		}
		want = strcspn(pattern, "/");
		have = strcspn(path, "/");
		if (want == 1 && *pattern == '*') {
			if (!take_arg(path, have, r->arg))
				return false;
		} else if (want != have || memcmp(pattern, path, want)) {
			return false;
		}
	}
}

/**
 * route_find() - who serves a request
 * @tables: all routes
 * @n: tables
 * @r: the request; what stands for the stars is put there
 * @path: of its URI
 * @status: receives why there is nobody
 *
 * Return: the route, or NULL.
 */
const struct route *route_find(const struct route *const *tables, size_t n, struct request *r,
			       const char *path, int *status)
{
	const struct route *route;
	size_t i;

	*status = HTTP_NOTFOUND;
	for (i = 0; i < n; i++) {
		for (route = tables[i]; route->path; route++) {
			if (!matches(route->path, path, r))
				continue;
			if (route->methods & evhttp_request_get_command(r->http))
				return route;
			*status = HTTP_BADMETHOD;
		}
	}
	return NULL;
}
