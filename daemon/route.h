/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which handler serves a request.
 */
#ifndef MEDESD_ROUTE_H
#define MEDESD_ROUTE_H

#include "http.h"

const struct route *route_find(const struct route *const *tables, size_t n, struct request *r,
			       const char *path, int *status);

#endif /* MEDESD_ROUTE_H */
