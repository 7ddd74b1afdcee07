/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node's HTTP interface, a table of routes per kind of object.
 */
#ifndef MEDESD_API_H
#define MEDESD_API_H

#include "http.h"

extern const struct route api_sandbox_routes[];
extern const struct route api_base_routes[];
extern const struct route api_job_routes[];
extern const struct route api_status_routes[];

bool api_find_sandbox(struct request *r, struct medes_nl *nl, const char *name,
		      struct medes_sandbox *out);
void api_refuse_body(struct request *r, const json_error_t *error);
bool api_name(struct request *r, const char *what, const char *name);

#endif /* MEDESD_API_H */
