/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node's HTTP interface, a table of routes per kind of object, and what their
 * handlers share (api.c).
 */
#ifndef MEDESD_API_H
#define MEDESD_API_H

#include "http.h"
#include "job.h"

struct function;
struct node;

extern const struct route api_sandbox_routes[];
extern const struct route api_base_routes[];
extern const struct route api_job_routes[];
extern const struct route api_status_routes[];
extern const struct route api_function_routes[];
extern const struct route api_invoke_routes[];
extern const struct route api_lease_routes[];
extern const struct route api_adopt_routes[];
extern const struct route api_policy_routes[];
extern const struct route api_metrics_routes[];
extern const struct route api_node_routes[];
extern const struct route api_cluster_routes[];
extern const struct route api_obey_routes[];
extern const struct route api_controller_routes[];

/* All of the above, for http_new(). */
extern const struct route *const api_tables[];
extern const size_t api_n_tables;

struct box;

/* A key that a body may have; the value goes to where the type says. */
struct api_key {
	const char *name;
	/* JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_INTEGER, JSON_TRUE (a boolean) */
	json_type type;
	union {
		const char **string;
		json_t **array;		/* or object */
		bool *boolean;
		json_int_t *integer;
	};
};

bool api_body(struct request *r, const struct api_key *keys, size_t n);
bool api_name(struct request *r, const char *what, const char *name);
bool api_find_sandbox(struct request *r, struct medes_nl *nl, const char *name,
		      struct medes_sandbox *out);

/* api_sandbox.c */
json_t *api_sandbox_json(const struct medes_sandbox *sandbox);

/* api_job.c */
void api_start_job(struct request *r, enum job_kind kind, const struct medes_sandbox *sandbox,
		   const char *base_name);

void api_start_restore(struct request *r, const struct medes_sandbox *sandbox, bool working_set);

/* api_function.c */
struct function *api_function(struct request *r);
struct function *api_function_of(struct request *r, const char *domain);
bool api_domain(struct request *r, char domain[MEDES_NAME_SIZE], bool all);

/* api_lease.c */
int api_hold(struct box *box);
struct box *api_box(struct request *r);

/* api_invoke.c */
bool api_may_invoke(struct request *r, const struct function *f);
void api_invoke_here(struct request *r, struct function *f, const char *id);

/* relay.c */
void api_relay(struct request *r, const struct node *node, const char *path, json_t *body);

/* api_controller.c */
json_t *api_function_json(struct daemon *d, const struct function *f);
bool api_elsewhere(struct request *r, const char *path, json_t *body);

/* take.c */
void api_take(struct request *r);

#endif /* MEDESD_API_H */
