// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP over a unix socket, by libevent.
 *
 * Nothing that comes in is trusted: sizes are bounded before a body is parsed,
 * names are checked before they are used. Every answer of ours is JSON, refusals
 * are {"error": text}. What is no HTTP at all, or larger than any limit,
 * libevent answers or drops by itself.
 *
 * The socket is the permission: its mode is 0600. A lock file beside it keeps two
 * daemons from serving one path; it is never removed, since that would race.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "http.h"
#include "json.h"
#include "kernel.h"
#include "log.h"

/* Read a little more than is allowed, to be able to say so in JSON. */
#define BODY_SLACK (1 << 20)

struct http {
	struct daemon *daemon;
	const struct route *const *tables;
	size_t n_tables;
	struct evhttp *server;
	int lock;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
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

/* One daemon per path. */
static int take_lock(struct http *http)
{
	char path[sizeof(http->path) + 8];

	snprintf(path, sizeof(path), "%s.lock", http->path);
	http->lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (http->lock < 0) {
		log_error("cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(http->lock, LOCK_EX | LOCK_NB)) {
		log_error("another medesd serves %s (it holds %s.lock)", http->path, http->path);
		return -1;
	}
	return 0;
}

static void make_directory(const char *path)
{
	char directory[sizeof(((struct http *)0)->path)];

	strcpy(directory, path);
	*strrchr(directory, '/') = '\0';
	if (*directory)
		mkdir(directory, 0755);
}

static int listen_at(const struct http *http)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, err;

	strcpy(address.sun_path, http->path);
	if (!lstat(http->path, &st) && !S_ISSOCK(st.st_mode)) {
		log_error("%s is in the way: not a socket", http->path);
		return -1;
	}
	/* left by one that was killed: we hold its lock */
	unlink(http->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (err || listen(fd, SOMAXCONN)) {
		log_error("cannot listen at %s: %s", http->path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int serve(struct http *http)
{
	const struct config *config = &http->daemon->config;
	const struct timeval timeout = {
		.tv_sec = config->timeout / 1000, .tv_usec = config->timeout % 1000 * 1000,
	};
	int fd = listen_at(http);

	if (fd < 0)
		return -1;
	http->server = evhttp_new(http->daemon->events);
	if (!http->server || evhttp_accept_socket(http->server, fd)) {
		log_error("cannot serve %s", http->path);
		close(fd);
		return -1;
	}
	evhttp_set_max_body_size(http->server, config->max_body + BODY_SLACK);
	evhttp_set_max_headers_size(http->server, config->max_header);
	evhttp_set_timeout_tv(http->server, &timeout);
	evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
				   EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH |
				   EVHTTP_REQ_HEAD | EVHTTP_REQ_OPTIONS);
	evhttp_set_gencb(http->server, on_request, http);
	return 0;
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
		return NULL;
	http->daemon = daemon;
	http->tables = tables;
	http->n_tables = n;
	http->lock = -1;
	strcpy(http->path, daemon->config.socket);
	make_directory(http->path);
	if (take_lock(http) || serve(http)) {
		http_free(http);
		return NULL;
	}
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (http->server) {
		evhttp_free(http->server);
		unlink(http->path);
	}
	if (http->lock >= 0)
		close(http->lock);
	free(http);
}
