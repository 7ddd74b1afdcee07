// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/status: is the daemon there, is the module, what does the registry hold;
 * /v1/events.
 */
#include "api.h"
#include "control.h"
#include "engine.h"
#include "function.h"
#include "host.h"
#include "streams.h"
#include "json.h"
#include "kernel.h"
#include "leases.h"
#include "registry.h"

static void status(struct request *r)
{
	uint64_t instance = kernel_instance(r->daemon->kernel);
	struct registry_stats s;

	registry_stats(r->daemon->registry, &s);
	http_reply(r, HTTP_OK, json_pack("{s:s,s:b,s:o?,s:I,s:I,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:o}}",
		"version", MEDES_VERSION,
		"module", kernel_nl(r->daemon->kernel) != NULL,
		"instance", instance ? medes_json_id(instance) : NULL,
		"functions", (json_int_t)HASH_COUNT(r->daemon->control->functions),
		"sandboxes", (json_int_t)HASH_COUNT(r->daemon->control->boxes),
		"watching", watcher_json(r->daemon->host->watcher),
		"cluster", leases_json(r->daemon->leases),
		"registry",
		"domains", (json_int_t)s.domains,
		"bases", (json_int_t)s.bases,
		"pages", (json_int_t)s.pages,
		"entries", (json_int_t)s.entries,
		"bytes", (json_int_t)s.bytes,
		"engine", engine_json(r->daemon->engine)));
}

const struct route api_status_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/status", status, 0 },
	{ EVHTTP_REQ_GET, "/v1/events", streams_add, ROUTE_TENANT },
	{ 0, NULL, NULL, 0 },
};
