// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP by libevent: one server for the unix socket, one for TCP.
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

/* Read a little more than is allowed, to be able to say so in JSON. */
#define BODY_SLACK (1 << 20)

/* A libevent server, and what its requests may do. */
struct door {
	struct http *http;
	struct evhttp *server;
	bool trusted;
};

struct http {
	struct daemon *daemon;
	const struct route *const *tables;
	size_t n_tables;
	struct door local;
	struct door tcp;
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

/* The handler, or NULL with the status that says why there is none. */
static const struct route *find_route(const struct http *http, struct request *r, const char *path,
				      int *status)
{
	const struct route *route;
	size_t i;

	*status = HTTP_NOTFOUND;
	for (i = 0; i < http->n_tables; i++) {
		for (route = http->tables[i]; route->path; route++) {
			if (!matches(route->path, path, r))
				continue;
			if (route->methods & evhttp_request_get_command(r->http))
				return route;
			*status = HTTP_BADMETHOD;
		}
	}
	return NULL;
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

/* Whose request is it? false: nobody's that we know. */
static bool identify(struct request *r, const struct door *door)
{
	static const char scheme[] = "Bearer ";
	const char *header, *domain = NULL;

	r->admin = door->trusted;
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

static void serve(const struct door *door, struct request *r, const char *path)
{
	const struct route *route;
	bool known = identify(r, door);
	int status;

	route = find_route(door->http, r, path, &status);
	if (!known && !(route && route->flags & ROUTE_OPEN))
		refuse_stranger(r);
	else if (!route)
		http_refuse(r, status, "%s %.200s", status == HTTP_NOTFOUND ?
			    "there is no such resource:" : "this method does not go with", path);
	else if (!r->admin && !(route->flags & (ROUTE_OPEN | ROUTE_TENANT)))
		http_refuse(r, 403, "this is for administrators: the unix socket, or a token of the domain \"*\"");
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
static int door_make(struct door *door, struct http *http, bool trusted)
{
	door->http = http;
	door->trusted = trusted;
	door->server = evhttp_new(http->daemon->events);
	if (!door->server)
		return -1;
	set_limits(door->server, &http->daemon->config);
	evhttp_set_gencb(door->server, on_request, door);
	return 0;
}

static int open_local(struct http *http)
{
	struct evhttp_bound_socket *bound;

	if (door_make(&http->local, http, true))
		return -1;
	if (listen_open(&http->listener, http->daemon->config.socket))
		return -1;
	bound = evhttp_accept_socket_with_handle(http->local.server, http->listener.fd);
	if (!bound) {
		close(http->listener.fd);
		listen_close(&http->listener, http->daemon->config.socket);
		return -1;
	}
	conns_watch(http->conns, http->local.server, bound);
	return 0;
}

static int open_tcp(struct http *http)
{
	const struct config *config = &http->daemon->config;
	struct evhttp_bound_socket *bound;
	int fd;

	if (!config->listen[0])
		return 0;
	fd = listen_tcp(config->listen);
	if (fd < 0)
		return -1;
	if (door_make(&http->tcp, http, false))
		goto err_close;
	bound = evhttp_accept_socket_with_handle(http->tcp.server, fd);
	if (!bound)
		goto err_close;
	conns_watch(http->conns, http->tcp.server, bound);
	return 0;

err_close:
	close(fd);
	return -1;
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
	if (!open_tcp(http))
		return http;
	listen_close(&http->listener, daemon->config.socket);
err_free:
	if (http->local.server)
		evhttp_free(http->local.server);
	if (http->tcp.server)
		evhttp_free(http->tcp.server);
	conns_free(http->conns);
	free(http);
err_log:
	log_error("cannot serve requests");
	return NULL;
}

void http_free(struct http *http)
{
	conns_stop(http->conns);
	evhttp_free(http->local.server);
	if (http->tcp.server)
		evhttp_free(http->tcp.server);
	listen_close(&http->listener, http->daemon->config.socket);
	conns_free(http->conns);
	free(http);
}
