// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/cluster, what a node does for the cluster's controller: commands, and requests of clients
 * that were placed here. Both carry the epoch of the controller, whose name is its
 * certificate's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"
#include "front.h"
#include "function.h"
#include "obey.h"
#include "replay.h"
#include "steer.h"
#include "text.h"

/* False: refused, r is freed. */
static bool speaks(struct request *r)
{
	unsigned int protocol = r->daemon->config.protocol;

	if (protocol >= STEER_PROTOCOL)
		return true;
	http_refuse(r, HTTP_NOTFOUND, "this node speaks protocol %u, which knows no controller",
		    protocol);
	return false;
}

static void obey(struct request *r)
{
	json_t *answer = NULL;
	int status;

	if (!speaks(r))
		return;
	status = obey_command(r->daemon->obey, r->node, r->body, &answer);
	http_reply(r, status, answer);
}

static const char *header(struct request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(r->http), name);
}

/* The function in path and header. NULL: refused, r is freed. */
static struct function *get_function(struct request *r)
{
	const char *domain = header(r, "Medes-Domain");
	struct function *f;

	if (!domain || !medes_name_valid(domain)) {
		http_refuse(r, 422, "Medes-Domain: want the name of a domain");
		return NULL;
	}
	f = function_find(r->daemon->control, domain, r->arg);
	if (!f)
		http_refuse(r, HTTP_NOTFOUND, "the domain \"%s\" has no function \"%s\" on node %s",
			    domain, r->arg, r->daemon->config.node);
	return f;
}

static bool is_command(struct request *r, const char *id)
{
	const char *text = header(r, "Medes-Epoch");
	json_t *answer = NULL;
	uint64_t epoch;
	char *end;
	int status;

	errno = 0;
	epoch = text ? strtoull(text, &end, 10) : 0;
	if (!epoch || errno || *end || !id || !*id || strlen(id) >= REPLAY_ID) {
		http_refuse(r, 422, "Medes-Epoch and Medes-Id: want a number and at most %d characters",
			    REPLAY_ID - 1);
		return false;
	}
	status = obey_check(r->daemon->obey, r->node, epoch, &answer);
	if (status == HTTP_OK)
		return true;
	http_reply(r, status, answer);
	return false;
}

static void invoke(struct request *r)
{
	const char *given = header(r, "Medes-Id");
	char id[REPLAY_ID] = "";
	struct function *f;

	if (!speaks(r) || !is_command(r, given))
		return;
	strcpy(id, given);
	f = get_function(r);
	if (f)
		api_invoke_here(r, f, id);
}

static void front(struct request *r)
{
	struct function *f = speaks(r) ? get_function(r) : NULL;

	if (f && api_may_invoke(r, f))
		front_arrived(r, f);
}

#define RAW (ROUTE_NODE | ROUTE_RAW)

const struct route api_obey_routes[] = {
	{ EVHTTP_REQ_POST, "/v1/cluster/obey", obey, ROUTE_NODE },
	{ ANY_METHOD, "/v1/cluster/functions/*/invoke", invoke, RAW },
	{ ANY_METHOD, "/v1/cluster/functions/*/invoke/**", invoke, RAW },
	{ ANY_METHOD, "/v1/cluster/functions/*/front", front, RAW },
	{ ANY_METHOD, "/v1/cluster/functions/*/front/**", front, RAW },
	{ 0, NULL, NULL, 0 },
};
