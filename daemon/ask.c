// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A question to another node: one connection, one request, one answer. Connections are not
 * kept: a question every few seconds a node is not worth the states that would take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include "ask.h"
#include "json.h"
#include "nodes.h"
#include "tls.h"

#define ANSWER_MAX (16 << 20)

struct ask {
	struct evhttp_connection *connection;
	struct bufferevent *bev;
	SSL *ssl;
	struct event *end;		/* tells from the loop, not from within libevent's HTTP */
	unsigned int timeout_ms;
	char where[80];
	ask_fn fn;
	void *arg;
	int status;
	json_t *answer;
	char error[400];
};

static void ask_free(struct ask *ask)
{
	if (ask->connection)
		evhttp_connection_free(ask->connection);
	if (ask->end)
		event_free(ask->end);
	SSL_free(ask->ssl);
	json_decref(ask->answer);
	free(ask);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct ask *ask = arg;

	(void)fd, (void)what;
	ask->fn(ask->status, ask->answer, ask->error, ask->arg);
	ask_free(ask);
}

static void take_answer(struct ask *ask, struct evhttp_request *request)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(input);
	json_error_t why;
	const char *error;

	ask->status = evhttp_request_get_response_code(request);
	ask->answer = json_loadb(len ? (const char *)evbuffer_pullup(input, -1) : "", len,
				 JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(ask->answer)) {
		snprintf(ask->error, sizeof(ask->error), "%s answers with what is no JSON object",
			 ask->where);
		ask->status = 0;
		return;
	}
	error = json_string_value(json_object_get(ask->answer, "error"));
	snprintf(ask->error, sizeof(ask->error), "%s", error ? error : "");
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	struct ask *ask = arg;

	if (error == EVREQ_HTTP_TIMEOUT)
		snprintf(ask->error, sizeof(ask->error), "%s does not answer within %u ms",
			 ask->where, ask->timeout_ms);
}

static void on_answer(struct evhttp_request *request, void *arg)
{
	struct ask *ask = arg;
	char why[TLS_WHY];

	if (request && evhttp_request_get_response_code(request))
		take_answer(ask, request);
	else if (tls_why(ask->ssl, bufferevent_get_openssl_error(ask->bev), why))
		snprintf(ask->error, sizeof(ask->error), "%s: %s", ask->where, why);
	else if (!ask->error[0])
		snprintf(ask->error, sizeof(ask->error), "nobody answers at %s", ask->where);
	event_active(ask->end, EV_TIMEOUT, 0);
}

static int send_it(struct ask *ask, enum evhttp_cmd_type method, const char *path, json_t *body)
{
	struct evhttp_request *request = evhttp_request_new(on_answer, ask);
	char *text = body ? json_dumps(body, MEDES_JSON_FLAGS) : NULL;
	struct evkeyvalq *headers;
	int err = -1;

	if (request && (text || !body)) {
		evhttp_request_set_error_cb(request, on_error);
		headers = evhttp_request_get_output_headers(request);
		evhttp_add_header(headers, "Host", "medesd");
		evhttp_add_header(headers, "Connection", "close");
		if (text)
			evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
		/* takes the request in any case */
		err = evhttp_make_request(ask->connection, request, method, path);
		request = NULL;
	}
	if (request)
		evhttp_request_free(request);
	free(text);
	return err;
}

/**
 * ask_node() - ask another node
 * @d: the daemon, which is in a cluster
 * @node: whom; it may be forgotten meanwhile
 * @method: of HTTP
 * @path: with the query, encoded
 * @body: to be sent, whose reference is taken; may be NULL
 * @timeout_ms: without a sign of life
 * @fn: told the answer, unless ask_cancel() comes first
 * @arg: for @fn
 *
 * Return: the question, or NULL for lack of memory.
 */
struct ask *ask_node(struct daemon *d, const struct node *node, enum evhttp_cmd_type method,
		     const char *path, json_t *body, unsigned int timeout_ms, ask_fn fn, void *arg)
{
	const struct timeval timeout = {
		.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000,
	};
	struct ask *ask = calloc(1, sizeof(*ask));
	struct bufferevent *bev;

	if (!ask)
		goto out;
	ask->fn = fn;
	ask->arg = arg;
	ask->timeout_ms = timeout_ms;
	snprintf(ask->where, sizeof(ask->where), "%s port %u", node->address, node->port);
	ask->end = event_new(d->events, -1, 0, on_end, ask);
	bev = ask->end ? tls_connect(d->tls, d->events, node->name) : NULL;
	if (!bev)
		goto err_free;
	ask->bev = bev;
	ask->ssl = bufferevent_openssl_get_ssl(bev);
	SSL_up_ref(ask->ssl);
	ask->connection = evhttp_connection_base_bufferevent_new(d->events, NULL, bev, node->address,
								 node->port);
	if (!ask->connection) {
		bufferevent_free(bev);
		goto err_free;
	}
	evhttp_connection_set_timeout_tv(ask->connection, &timeout);
	evhttp_connection_set_max_body_size(ask->connection, ANSWER_MAX);
	if (send_it(ask, method, path, body))
		goto err_free;
	json_decref(body);
	return ask;

err_free:
	ask_free(ask);
out:
	json_decref(body);
	return NULL;
}

/* It is not told to anybody any more; the other node may have done what it was asked. */
void ask_cancel(struct ask *ask)
{
	if (ask)
		ask_free(ask);
}
