// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP to medesd's unix socket: one connection a request, read to its end.
 *
 * libevent 2.1's HTTP client cannot connect to a unix socket, so the few lines
 * that this takes are here. The server is medesd, which always says
 * Content-Length or closes; nothing else of HTTP is needed.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "client.h"
#include "json.h"
#include "print.h"

#define ANSWER_MAX (256 << 20)
#define TIMEOUT_SECONDS 120
#define FOLLOW_MS 200

/**
 * client_connect() - connect to medesd
 * @args: names the socket
 *
 * Return: the descriptor, or a negative errno.
 */
int client_connect(const struct args *args)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(args->socket) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, args->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/**
 * client_name() - a name as a part of a URL
 * @text: receives it
 * @name: the name, cut off when too long to be one
 *
 * Return: @text.
 */
char *client_name(char text[3 * MEDES_NAME_SIZE], const char *name)
{
	size_t i, len = 0;

	for (i = 0; name[i] && i < MEDES_NAME_SIZE; i++) {
		if (len + 4 > 3 * MEDES_NAME_SIZE)
			break;
		if (isalnum((unsigned char)name[i]) || strchr("-._~", name[i]))
			text[len++] = name[i];
		else
			len += sprintf(text + len, "%%%02X", (unsigned char)name[i]);
	}
	text[len] = '\0';
	return text;
}

static int send_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len; len -= n, data += n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
	}
	return 0;
}

static int send_request(int fd, const struct client_request *request)
{
	char head[2048];
	int len, err;

	len = snprintf(head, sizeof(head),
		       "%s %s HTTP/1.1\r\nHost: medesd\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
		       request->method, request->path, request->type, request->len);
	if (len >= (int)sizeof(head))
		return -ENAMETOOLONG;
	err = send_all(fd, head, len);
	return err ? err : send_all(fd, request->body, request->len);
}

/* All that comes until the other side closes. */
static char *receive(int fd, size_t *got, int *err)
{
	size_t size = 65536, len = 0;
	char *text = malloc(size), *more;
	ssize_t n = 1;

	*err = -ENOMEM;
	while (text && n) {
		n = recv(fd, text + len, size - 1 - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*err = errno == EAGAIN ? -ETIMEDOUT : -errno;
			goto err_free;
		}
		len += n;
		if (len < size - 1)
			continue;
		more = size < ANSWER_MAX ? realloc(text, 2 * size) : NULL;
		if (!more)
			goto err_free;
		text = more;
		size *= 2;
	}
	if (text)
		text[len] = '\0';
	*got = len;
	return text;

err_free:
	free(text);
	return NULL;
}

/**
 * client_exchange() - one request and its answer, whatever it is
 * @args: names the socket
 * @request: what to send
 * @answer: receives the answer, whose text is the caller's
 *
 * Return: 0, or a negative errno.
 */
int client_exchange(const struct args *args, const struct client_request *request,
		    struct client_answer *answer)
{
	size_t len = 0;
	int fd, err;

	*answer = (struct client_answer){ 0 };
	fd = client_connect(args);
	if (fd < 0)
		return fd;
	err = send_request(fd, request);
	/* medesd may have refused before it had read everything */
	if (!err || err == -EPIPE || err == -ECONNRESET)
		answer->text = receive(fd, &len, &err);
	close(fd);
	if (!answer->text)
		return err;
	answer->body = strstr(answer->text, "\r\n\r\n");
	if (sscanf(answer->text, "HTTP/1.%*u %u", &answer->status) != 1 || !answer->body) {
		err = *answer->text ? -EPROTO : -ECONNRESET;
		free(answer->text);
		answer->text = NULL;
		return err;
	}
	answer->body += 4;
	answer->len = len - (answer->body - answer->text);
	return 0;
}

/* A header of an answer: false when there is none. */
bool client_header(const struct client_answer *answer, const char *name, char *value, size_t size)
{
	const char *line = answer->text;
	size_t len = strlen(name);

	for (; line && line < answer->body; line = strstr(line, "\r\n"), line = line ? line + 2 : NULL)
		if (!strncasecmp(line, name, len) && line[len] == ':') {
			line += len + 1 + strspn(line + len + 1, " ");
			snprintf(value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
			return true;
		}
	return false;
}

bool client_refused(const struct client_answer *answer)
{
	json_t *value = json_loadb(answer->body, answer->len, 0, NULL);
	const char *error = json_string_value(json_object_get(value, "error"));

	if (error)
		complain("%s", error);
	json_decref(value);
	return error;
}

/* The answer's JSON; refusals are complained of. */
static json_t *parse_answer(const struct client_answer *answer)
{
	json_t *value = json_loadb(answer->body, answer->len, 0, NULL);

	if (answer->status / 100 == 2 && value)
		return value;
	if (json_is_string(json_object_get(value, "error")))
		complain("%s", json_string_value(json_object_get(value, "error")));
	else
		complain("medesd answered with HTTP status %u", answer->status);
	json_decref(value);
	return NULL;
}

/* Why there is no answer. */
void client_complain(const struct args *args, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		complain("medesd does not run (nobody listens at %s); start it with: systemctl start medesd",
			 args->socket);
	else if (err == -EACCES)
		complain("%s: permission denied; run as root", args->socket);
	else if (err == -EPROTO)
		complain("medesd's answer is no HTTP");
	else if (err == -ECONNRESET)
		complain("medesd closed the connection without an answer; has it ended?");
	else
		complain("no answer from medesd at %s: %s", args->socket, strerror(-err));
}

/**
 * client_call() - one request and its answer
 * @args: names the socket
 * @method: GET, POST, DELETE
 * @body: to be sent, whose reference is taken; may be NULL
 * @format: the path, names in it made by client_name()
 *
 * Return: the answer, or NULL after a complaint.
 */
json_t *client_call(const struct args *args, const char *method, json_t *body,
		    const char *format, ...)
{
	char path[1024], *text = body ? json_dumps(body, MEDES_JSON_FLAGS) : strdup("");
	struct client_request request = {
		.method = method, .path = path, .type = "application/json", .body = text,
	};
	struct client_answer answer = { 0 };
	json_t *value = NULL;
	va_list list;
	int err = -ENOMEM;

	va_start(list, format);
	vsnprintf(path, sizeof(path), format, list);
	va_end(list);
	if (text) {
		request.len = strlen(text);
		err = client_exchange(args, &request, &answer);
	}
	if (err)
		client_complain(args, err);
	else
		value = parse_answer(&answer);
	free(answer.text);
	free(text);
	json_decref(body);
	return value;
}

static bool ended(json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));

	return state && strcmp(state, "queued") && strcmp(state, "running");
}

static void show_progress(json_t *job)
{
	const char *step = json_string_value(json_object_get(job, "step"));
	uint64_t done = json_integer_value(json_object_get(job, "pages_done"));
	uint64_t total = json_integer_value(json_object_get(job, "pages_targeted"));

	progress_show(step && *step ? step : "waiting", done, total);
}

json_t *client_follow(const struct args *args, json_t *job)
{
	json_int_t id = json_integer_value(json_object_get(job, "job"));
	bool cancelled = false;

	interrupt_catch();
	while (job && !ended(job)) {
		show_progress(job);
		json_decref(job);
		if (interrupted() && !cancelled) {
			cancelled = true;
			progress_end();
			complain("interrupted; cancelling job %lld", (long long)id);
			job = client_call(args, "DELETE", NULL, "/v1/jobs/%lld", (long long)id);
		} else {
			job = client_call(args, "GET", NULL, "/v1/jobs/%lld?wait_ms=%d",
					  (long long)id, FOLLOW_MS);
		}
	}
	progress_end();
	return job;
}
