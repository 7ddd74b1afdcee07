// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP over a unix socket, by libevent.
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
#include "http.h"
#include "json.h"
#include "kernel.h"
#include "listen.h"
#include "log.h"

/* Read a little more than is allowed, to be able to say so in JSON. */
#define BODY_SLACK (1 << 20)

struct http {
	struct daemon *daemon;
	const struct route *const *tables;
	size_t n_tables;
	struct evhttp *server;
	struct listener listener;
};

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
		evhttp_connection_set_closecb(evhttp_request_get_connection(r->http), NULL, NULL);
		evhttp_add_header(evhttp_request_get_output_headers(r->http), "Content-Type",
				  "application/json");
		evbuffer_add_printf(buffer, "%s\n", text ? text : "{\"error\":\"no memory\"}");
		evhttp_send_reply(r->http, status, NULL, buffer);
	}
	if (buffer)
		evbuffer_free(buffer);
	free(text);
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
	http_refuse(r, status_of(err), "%s", text);
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
		http_refuse(r, HTTP_SERVUNAVAIL,
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

static bool matches(const char *pattern, const char *path, char arg[MEDES_NAME_SIZE])
{
	size_t want, have;

	for (;; pattern += want, path += have) {
		if (*pattern != *path || !*pattern)
			return *pattern == *path;
		pattern++, path++;	/* both are at a slash */
		want = strcspn(pattern, "/");
		have = strcspn(path, "/");
		if (want == 1 && *pattern == '*') {
			if (!take_arg(path, have, arg))
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
			if (!matches(route->path, path, r->arg))
				continue;
			if (route->method == evhttp_request_get_command(r->http))
				return route;
			*status = HTTP_BADMETHOD;
		}
	}
	return NULL;
}

/* Parse the body. False: refused, r is freed. */
static bool take_body(struct request *r)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(r->http);
	size_t len = evbuffer_get_length(input);
	json_error_t error;

	if (len > r->daemon->config.max_body) {
		http_refuse(r, HTTP_ENTITYTOOLARGE, "the body has %zu bytes, at most %u are taken",
			    len, r->daemon->config.max_body);
		return false;
	}
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

static void on_request(struct evhttp_request *req, void *arg)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	struct http *http = arg;
	struct request *r = calloc(1, sizeof(*r));
	const struct route *route;
	int status;

	if (!r) {
		evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	r->daemon = http->daemon;
	r->http = req;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_gone, r);
	route = find_route(http, r, path ? path : "", &status);
	if (!route)
		http_refuse(r, status, "%s %.200s", status == HTTP_NOTFOUND ?
			    "there is no such resource:" : "this method does not go with",
			    path ? path : "");
	else if (take_body(r))
		route->handler(r);
}

static void set_limits(struct evhttp *server, const struct config *config)
{
	const struct timeval timeout = {
		.tv_sec = config->timeout / 1000, .tv_usec = config->timeout % 1000 * 1000,
	};

	evhttp_set_max_body_size(server, config->max_body + BODY_SLACK);
	evhttp_set_max_headers_size(server, config->max_header);
	evhttp_set_timeout_tv(server, &timeout);
	/* those that no resource takes are refused by us, in JSON */
	evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
				   EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_HEAD |
				   EVHTTP_REQ_OPTIONS);
}

/**
 * http_new() - serve requests at the configured socket
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
	http->server = evhttp_new(daemon->events);
	if (!http->server)
		goto err_free;
	set_limits(http->server, &daemon->config);
	evhttp_set_gencb(http->server, on_request, http);
	if (listen_open(&http->listener, daemon->config.socket))
		goto err_server;
	if (!evhttp_accept_socket(http->server, http->listener.fd))
		return http;

	close(http->listener.fd);
	listen_close(&http->listener, daemon->config.socket);
err_server:
	evhttp_free(http->server);
err_free:
	free(http);
err_log:
	log_error("cannot serve requests");
	return NULL;
}

void http_free(struct http *http)
{
	evhttp_free(http->server);
	listen_close(&http->listener, http->daemon->config.socket);
	free(http);
}
