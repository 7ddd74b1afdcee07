// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP by libevent: one server for the unix socket, one for TCP, one for other nodes.
 *
 * Nothing that comes in is trusted: sizes are bounded before a body is parsed,
 * names are checked before they are used. Every answer of ours is JSON, refusals
 * are {"error": text}. What is no HTTP at all, or larger than any limit,
 * libevent answers or drops by itself.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "auth.h"
#include "conns.h"
#include "http.h"
#include "json.h"
#include "kernel.h"
#include "listen.h"
#include "log.h"
#include "nodes.h"
#include "route.h"
#include "tls.h"

/* Read a little more than is allowed, to be able to say so in JSON. */
#define BODY_SLACK (1 << 20)

/* Whoever is on the network may connect there; clients shall not suffer from that. */
#define NODES_MAX_CONNECTIONS 256

/* A libevent server, and what its requests may do. */
struct door {
	struct http *http;
	struct evhttp *server;
	enum { TRUSTED, TOKENS, NODES } who;
};

struct http {
	struct daemon *daemon;
	const struct route *const *tables;
	size_t n_tables;
	struct door local;
	struct door tcp;
	struct door nodes;
	struct listener listener;
	struct conns *conns;
};

struct conns *http_conns(struct http *http)
{
	return http->conns;
}

static void on_gone(struct evhttp_connection *connection, void *arg)
{
	struct request *r = arg;

	(void)connection;
	r->http = NULL;
	if (r->gone)
		r->gone(r);
}

static void request_free(struct request *r)
{
	json_decref(r->body);
	free(r);
}

/* libevent owns the request from here on. */
static struct evhttp_request *take_http(struct request *r)
{
	struct evhttp_request *http = r->http;

	if (http) {
		evhttp_connection_set_closecb(evhttp_request_get_connection(http), NULL, NULL);
		conns_answered(r->daemon->http->conns, http);
	}
	r->http = NULL;
	return http;
}

/**
 * http_reply_raw() - answer with bytes
 * @r: the request, freed; its output headers are set
 * @status: HTTP status
 * @body: the bytes, moved from there; NULL: none
 */
void http_reply_raw(struct request *r, int status, struct evbuffer *body)
{
	struct evhttp_request *http = take_http(r);

	if (http)
		evhttp_send_reply(http, status, NULL, body);
	request_free(r);
}

/**
 * http_reply() - answer a request
 * @r: the request, freed
 * @status: HTTP status
 * @body: the answer, whose reference is taken; NULL: there was no memory for it
 */
void http_reply(struct request *r, int status, json_t *body)
{
	char *text = body ? json_dumps(body, MEDES_JSON_FLAGS) : NULL;
	struct evbuffer *buffer = evbuffer_new();

	json_decref(body);
	if (!text)
		status = HTTP_INTERNAL;
	if (r->http && buffer) {
		evhttp_add_header(evhttp_request_get_output_headers(r->http), "Content-Type",
				  "application/json");
		evbuffer_add_printf(buffer, "%s\n", text ? text : "{\"error\":\"no memory\"}");
	}
	http_reply_raw(r, status, buffer);
	if (buffer)
		evbuffer_free(buffer);
	free(text);
}

/**
 * http_begin() - answer with a stream, whose chunks follow
 * @r: the request; on_gone is told as before when the client goes
 * @type: of the content
 */
void http_begin(struct request *r, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->http);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_send_reply_start(r->http, HTTP_OK, NULL);
}

/**
 * http_end() - end a stream
 * @r: the request, freed; its client may have gone
 */
void http_end(struct request *r)
{
	struct evhttp_request *http = take_http(r);

	if (http)
		evhttp_send_reply_end(http);
	request_free(r);
}

/**
 * http_refuse() - answer a request with a refusal
 * @r: the request, freed
 * @status: HTTP status
 * @format: what is wrong, and what to do
 */
void http_refuse(struct request *r, int status, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_debug("refused with %d: %s", status, text);
	http_reply(r, status, json_pack("{s:o}", "error", medes_json_text(text)));
}

/**
 * http_refuse_later() - refuse, and say when to ask again
 * @r: the request, freed
 * @status: 429, 503 or another
 * @seconds: from now; 0: no advice
 * @text: why
 */
void http_refuse_later(struct request *r, int status, unsigned int seconds, const char *text)
{
	char number[16];

	if (r->http && seconds) {
		snprintf(number, sizeof(number), "%u", seconds);
		evhttp_add_header(evhttp_request_get_output_headers(r->http), "Retry-After", number);
	}
	http_refuse(r, status, "%s", text);
}

/* HTTP's word for what the kernel said. */
static int status_of(int err)
{
	switch (-err) {
	case ENOENT:
		return HTTP_NOTFOUND;
	case EEXIST:
	case EBUSY:
	case EALREADY:
	case ESTALE:
	case EXDEV:
		return 409;
	case EINVAL:
	case E2BIG:
	case ERANGE:
	case ESRCH:
	case EMSGSIZE:
	case ENAMETOOLONG:
	case EOPNOTSUPP:
		return 422;
	case ENODEV:
	case ENOMEM:
	case ENOSPC:
	case ENOBUFS:
	case EAGAIN:
		return HTTP_SERVUNAVAIL;
	default:
		return HTTP_INTERNAL;
	}
}

/**
 * http_refuse_errno() - pass on a refusal of the kernel or of a helper
 * @r: the request, freed
 * @err: negative errno, which decides the status
 * @text: why
 */
void http_refuse_errno(struct request *r, int err, const char *text)
{
	int status = status_of(err);

	http_refuse_later(r, status, status == HTTP_SERVUNAVAIL, text);
}

/**
 * http_nl() - the socket to the module
 * @r: the request, refused and freed when there is no module
 *
 * Return: the socket, or NULL.
 */
struct medes_nl *http_nl(struct request *r)
{
	struct medes_nl *nl = kernel_nl(r->daemon->kernel);

	if (!nl)
		http_refuse_later(r, HTTP_SERVUNAVAIL, 10,
				  "the kernel module is not loaded; load it with: modprobe medes");
	return nl;
}

/**
 * http_query() - a parameter behind the question mark
 * @r: the request
 * @key: its name
 * @value: receives it
 * @size: of @value, bytes
 *
 * Return: @value, or NULL when it is not there or too long.
 */
const char *http_query(const struct request *r, const char *key, char *value, size_t size)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->http));
	const char *found = NULL;
	struct evkeyvalq params;

	if (!query || evhttp_parse_query_str(query, &params))
		return NULL;
	found = evhttp_find_header(&params, key);
	if (found && snprintf(value, size, "%s", found) < (int)size)
		found = value;
	else
		found = NULL;
	evhttp_clear_headers(&params);
	return found;
}

/* Parse the body. False: refused, r is freed. */
static bool take_body(struct request *r, const struct route *route)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(r->http);
	const struct config *config = &r->daemon->config;
	unsigned int max = route->flags & ROUTE_RAW ? config->invoke_body : config->max_body;
	size_t len = evbuffer_get_length(input);
	json_error_t error;

	if (len > max) {
		http_refuse(r, HTTP_ENTITYTOOLARGE, "the body has %zu bytes, at most %u are taken",
			    len, max);
		return false;
	}
	if (route->flags & ROUTE_RAW)
		return true;
	if (!len) {
		r->body = json_object();
		return true;
	}
	r->body = json_loadb((const char *)evbuffer_pullup(input, -1), len,
			     JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(r->body))
		return true;
	if (r->body)
		http_refuse(r, HTTP_BADREQUEST, "the body must be a JSON object");
	else
		http_refuse(r, HTTP_BADREQUEST, "the body is no JSON: %s (line %d, column %d)",
			    error.text, error.line, error.column);
	return false;
}

/* Which node asks? false: one that we do not know. */
static bool identify_node(struct request *r)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(r->http);
	const char *name = tls_peer(evhttp_connection_get_bufferevent(connection));

	if (!name)
		return false;
	strcpy(r->node, name);
	return nodes_find(r->daemon->nodes, name);
}

/* Whose request is it? false: nobody's that we know. */
static bool identify(struct request *r, const struct door *door)
{
	static const char scheme[] = "Bearer ";
	const char *header, *domain = NULL;

	if (door->who == NODES)
		return identify_node(r);
	r->admin = door->who == TRUSTED;
	if (r->admin)
		return true;
	header = evhttp_find_header(evhttp_request_get_input_headers(r->http), "Authorization");
	if (header && !strncasecmp(header, scheme, strlen(scheme)))
		domain = auth_domain(r->daemon->auth, header + strlen(scheme));
	if (!domain)
		return false;
	r->admin = !strcmp(domain, AUTH_ADMINISTRATOR);
	if (!r->admin)
		strcpy(r->domain, domain);
	return true;
}

static void refuse_stranger(struct request *r)
{
	evhttp_add_header(evhttp_request_get_output_headers(r->http), "WWW-Authenticate", "Bearer");
	http_refuse(r, 401, "this needs a token: Authorization: Bearer TOKEN");
}

/* NULL: it may; else why not, and the status. */
static const char *forbidden(const struct door *door, const struct request *r,
			     const struct route *route, int *status)
{
	bool between = route->flags & ROUTE_NODE;

	*status = 403;
	if (between && door->who != NODES)
		return "this is for nodes of the cluster among themselves";
	if (!between && door->who == NODES)
		return "this is not for nodes; ask at the unix socket, or with a token";
	if (between || r->admin || route->flags & (ROUTE_OPEN | ROUTE_TENANT))
		return NULL;
	return "this is for administrators: the unix socket, or a token of the domain \"*\"";
}

static void serve(const struct door *door, struct request *r, const char *path)
{
	const struct http *http = door->http;
	const struct route *route;
	bool known = identify(r, door);
	const char *why;
	int status;

	route = route_find(http->tables, http->n_tables, r, path, &status);
	if (!known && door->who == NODES)
		http_refuse(r, 403, "node %s is not known to node %s; there: medesctl node add %s ADDRESS",
			    r->node, http->daemon->config.node, r->node);
	else if (!known && !(route && route->flags & ROUTE_OPEN))
		refuse_stranger(r);
	else if (!route)
		http_refuse(r, status, "%s %.200s", status == HTTP_NOTFOUND ?
			    "there is no such resource:" : "this method does not go with", path);
	else if ((why = forbidden(door, r, route, &status)))
		http_refuse(r, status, "%s", why);
	else if (take_body(r, route))
		route->handler(r);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	const struct door *door = arg;
	struct request *r = calloc(1, sizeof(*r));

	if (!r) {
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	r->daemon = door->http->daemon;
	r->http = req;
	conns_busy(door->http->conns, req);
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_gone, r);
	serve(door, r, path ? path : "");
}

static void set_limits(struct evhttp *server, const struct config *config)
{
	const struct timeval timeout = {
		.tv_sec = config->timeout / 1000, .tv_usec = config->timeout % 1000 * 1000,
	};

	unsigned int body = config->max_body > config->invoke_body ? config->max_body :
			    config->invoke_body;

	evhttp_set_max_body_size(server, body + BODY_SLACK);
	evhttp_set_max_headers_size(server, config->max_header);
	evhttp_set_timeout_tv(server, &timeout);
	/* those that no resource takes are refused by us, in JSON */
	evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
				   EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_HEAD |
				   EVHTTP_REQ_OPTIONS);
}

/* A server of our own, not listening yet. */
static int door_make(struct door *door, struct http *http, int who)
{
	door->http = http;
	door->who = who;
	door->server = evhttp_new(http->daemon->events);
	if (!door->server)
		return -1;
	set_limits(door->server, &http->daemon->config);
	evhttp_set_gencb(door->server, on_request, door);
	return 0;
}

static int open_local(struct http *http)
{
	static const struct conns_kind kind = { .make = conns_plain };
	struct evhttp_bound_socket *bound;

	if (door_make(&http->local, http, TRUSTED))
		return -1;
	if (listen_open(&http->listener, http->daemon->config.socket))
		return -1;
	bound = evhttp_accept_socket_with_handle(http->local.server, http->listener.fd);
	if (!bound) {
		close(http->listener.fd);
		listen_close(&http->listener, http->daemon->config.socket);
		return -1;
	}
	conns_watch(http->conns, http->local.server, bound, &kind);
	return 0;
}

static int open_tcp(struct http *http, struct door *door, int who, const char *where,
		    const struct conns_kind *kind)
{
	struct evhttp_bound_socket *bound;
	int fd;

	fd = listen_tcp(where);
	if (fd < 0)
		return -1;
	if (door_make(door, http, who))
		goto err_close;
	bound = evhttp_accept_socket_with_handle(door->server, fd);
	if (!bound)
		goto err_close;
	conns_watch(http->conns, door->server, bound, kind);
	return 0;

err_close:
	close(fd);
	return -1;
}

static int open_doors(struct http *http)
{
	const struct config *config = &http->daemon->config;
	const struct conns_kind plain = { .make = conns_plain };
	const struct conns_kind secret = {
		.make = tls_accept, .closed = tls_closed, .arg = http->daemon->tls,
		.max = NODES_MAX_CONNECTIONS,
	};

	if (config->listen[0] && open_tcp(http, &http->tcp, TOKENS, config->listen, &plain))
		return -1;
	if (config->cluster_listen[0] && http->daemon->tls &&
	    open_tcp(http, &http->nodes, NODES, config->cluster_listen, &secret))
		return -1;
	return 0;
}

static void close_doors(struct http *http)
{
	struct evhttp *const servers[] = { http->local.server, http->tcp.server, http->nodes.server };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(servers); i++)
		if (servers[i])
			evhttp_free(servers[i]);
}

/**
 * http_new() - serve requests at the configured sockets
 * @daemon: for the handlers
 * @tables: routes, each table ended by one without a path
 * @n: tables
 *
 * Return: the server, or NULL with a line in the log.
 */
struct http *http_new(struct daemon *daemon, const struct route *const *tables, size_t n)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		goto err_log;
	http->daemon = daemon;
	http->tables = tables;
	http->n_tables = n;
	http->conns = conns_new(daemon->events, daemon->config.max_connections,
				daemon->config.timeout);
	if (!http->conns || open_local(http))
		goto err_free;
	if (!open_doors(http))
		return http;
	listen_close(&http->listener, daemon->config.socket);
err_free:
	close_doors(http);
	conns_free(http->conns);
	free(http);
err_log:
	log_error("cannot serve requests");
	return NULL;
}

void http_free(struct http *http)
{
	conns_stop(http->conns);
	close_doors(http);
	listen_close(&http->listener, http->daemon->config.socket);
	conns_free(http->conns);
	free(http);
}
