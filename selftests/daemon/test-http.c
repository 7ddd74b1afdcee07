// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A real medesd on a socket in a temporary directory, on a machine where the
 * module need not be: what comes in from the socket, good and hostile.
 *
 * MEDESD names the program. Where the module is loaded, the tests that tell
 * what happens without it are skipped.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>
#include <cmocka.h>
#include "medes.h"

static char directory[] = "/tmp/medesd-test-XXXXXX";
static char socket_path[64], config_path[64];
static pid_t daemon_pid;

static void write_config(void)
{
	FILE *file = fopen(config_path, "w");

	assert_non_null(file);
	fprintf(file, "[Daemon]\nSocket=%s\nState=%s/state\n[Http]\nMaxBody=4K\nMaxHeader=2K\nTimeout=2s\n[Functions]\nCgroup=medes-test-%d\n",
		socket_path, directory, getpid());
	fclose(file);
}

static int connect_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = 60 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	strcpy(address.sun_path, socket_path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static pid_t spawn(const char *a, const char *b, const char *c)
{
	const char *program = getenv("MEDESD");
	pid_t pid;

	assert_non_null(program);
	pid = fork();
	if (!pid) {
		execl(program, program, a, b, c, NULL);
		_exit(127);
	}
	return pid;
}

static int start(void **state)
{
	int fd, i;

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/sub/medesd.sock", directory);
	snprintf(config_path, sizeof(config_path), "%s/medesd.conf", directory);
	write_config();
	daemon_pid = spawn("--config", config_path, NULL);
	for (i = 0; i < 1200; i++) {
		fd = connect_socket();
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		usleep(50000);
	}
	return -1;
}

static int stop(void **state)
{
	char command[128];
	int status;

	(void)state;
	kill(daemon_pid, SIGTERM);
	/* a leak or a bad access found by the sanitizers is an exit status, too */
	if (waitpid(daemon_pid, &status, 0) != daemon_pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		return -1;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

/* Send bytes, read to the end. The status, or 0 when nothing came. */
static int exchange(const char *request, size_t len, json_t **answer)
{
	static char text[1 << 20];
	int fd = connect_socket(), status = 0;
	size_t got = 0;
	const char *body;
	ssize_t n;

	assert_true(fd >= 0);
	while (len && (n = send(fd, request, len, MSG_NOSIGNAL)) > 0) {
		request += n;
		len -= n;
	}
	while ((n = recv(fd, text + got, sizeof(text) - 1 - got, 0)) > 0)
		got += n;
	close(fd);
	text[got] = '\0';
	sscanf(text, "HTTP/1.%*d %d", &status);
	body = strstr(text, "\r\n\r\n");
	if (answer)
		*answer = body ? json_loads(body + 4, 0, NULL) : NULL;
	return status;
}

static int call(const char *method, const char *path, const char *body, json_t **answer)
{
	char *request;
	int len, status;

	len = asprintf(&request,
		       "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		       method, path, strlen(body), body);
	assert_true(len > 0);
	status = exchange(request, len, answer);
	free(request);
	return status;
}

/* A refusal is JSON that says why. */
static void refused(const char *method, const char *path, const char *body, int want,
		    const char *reason)
{
	const char *error;
	json_t *answer;
	int status;

	status = call(method, path, body, &answer);
	error = json_string_value(json_object_get(answer, "error"));
	print_message("%s %s %.60s -> %d %s\n", method, path, body, status, error ? error : "?");
	assert_int_equal(status, want);
	assert_non_null(error);
	assert_non_null(strstr(error, reason));
	json_decref(answer);
}

static bool module_loaded(void)
{
	return !access("/sys/module/medes", F_OK);
}

static void status(void **state)
{
	json_t *answer;

	(void)state;
	assert_int_equal(call("GET", "/v1/status", "", &answer), 200);
	assert_string_equal(json_string_value(json_object_get(answer, "version")), MEDES_VERSION);
	assert_int_equal(json_is_true(json_object_get(answer, "module")), module_loaded());
	json_decref(answer);
	assert_int_equal(call("GET", "/v1/jobs", "", &answer), 200);
	assert_true(json_is_array(json_object_get(answer, "jobs")));
	json_decref(answer);
}

static void socket_is_private(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void without_the_module(void **state)
{
	static const char reason[] = "modprobe medes";

	(void)state;
	if (module_loaded())
		skip();
	refused("GET", "/v1/sandboxes", "", 503, reason);
	refused("GET", "/v1/sandboxes/x", "", 503, reason);
	refused("DELETE", "/v1/sandboxes/x", "", 503, reason);
	refused("POST", "/v1/sandboxes/x/dedup", "", 503, reason);
	refused("POST", "/v1/sandboxes", "{\"name\":\"x\",\"pids\":[2]}", 503, reason);
	refused("GET", "/v1/bases", "", 503, reason);
	refused("POST", "/v1/bases", "{\"sandbox\":\"x\"}", 503, reason);
	refused("DELETE", "/v1/bases/x", "", 503, reason);
}

static void unknown_paths_and_methods(void **state)
{
	(void)state;
	refused("GET", "/", "", 404, "no such resource");
	refused("GET", "/v1", "", 404, "no such resource");
	refused("GET", "/v1/sandboxes/", "", 404, "no such resource");
	refused("GET", "/v1/sandboxes/a/b", "", 404, "no such resource");
	refused("GET", "/v1/sandboxes/a%2fb%00", "", 404, "no such resource");
	refused("GET", "/v1/jobs/%FF", "", 404, "no job");
	refused("GET", "/v1/jobs/1", "", 404, "no job");
	refused("GET", "/v1/jobs/-1", "", 404, "no job");
	refused("GET", "/v1/jobs/99999999999999999999", "", 404, "no job");
	refused("DELETE", "/v1/jobs/1", "", 404, "no job");
	refused("PUT", "/v1/sandboxes", "{}", 405, "method");
	refused("DELETE", "/v1/status", "", 405, "method");
}

static void bad_bodies(void **state)
{
	char deep[3000];

	(void)state;
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refused("POST", "/v1/sandboxes", "{", 400, "no JSON");
	refused("POST", "/v1/sandboxes", "[]", 400, "object");
	refused("POST", "/v1/sandboxes", "\"x\"", 400, "no JSON");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"name\":\"b\"}", 400, "duplicate");
	refused("POST", "/v1/sandboxes", "{\"name\":\"\xff\"}", 400, "no JSON");
	refused("POST", "/v1/sandboxes", deep, 400, "no JSON");
	refused("POST", "/v1/sandboxes", "", 422, "no name");
	refused("POST", "/v1/sandboxes", "{\"name\":5}", 422, "name");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"pid\":[5]}", 422, "pid");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"attach\":\"yes\"}", 422, "true or false");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\"}", 422, "either");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"pids\":[5],\"cgroup\":\"/\"}", 422, "either");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"pids\":[]}", 422, "at least one");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"pids\":7}", 422, "array");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a/b\",\"pids\":[5]}", 422, "a/b");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"domain\":\"\",\"pids\":[5]}", 422, "domain");
	refused("POST", "/v1/sandboxes", "{\"name\":\"a\",\"function\":\"x y\",\"pids\":[5]}", 422,
		"function");
	refused("POST", "/v1/bases", "{}", 422, "no name");
	refused("POST", "/v1/bases", "{\"sandbox\":\"a\",\"name\":\"-\"}", 422, "base");
	refused("POST", "/v1/bases", "{\"sandbox\":\"a\",\"x\":1}", 422, "no key \"x\"");
}

static void too_large(void **state)
{
	char *body = malloc(2 << 20), *request;
	int len, status;

	(void)state;
	assert_non_null(body);
	memset(body, ' ', 2 << 20);
	body[4097] = '\0';
	refused("POST", "/v1/sandboxes", body, 413, "4096");
	/* much too large: libevent refuses before we see it */
	body[4097] = ' ';
	body[(2 << 20) - 1] = '\0';
	status = call("POST", "/v1/sandboxes", body, NULL);
	assert_true(status == 413 || !status);
	body[3000] = '\0';
	memset(body, 'a', 3000);
	len = asprintf(&request, "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", body);
	assert_int_equal(exchange(request, len, NULL), 400);
	free(request);
	free(body);
}

static void no_http_at_all(void **state)
{
	static const char *const junk[] = {
		"\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00",
		"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
		"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"GET /%zz%%%\x01 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	};
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(junk); i++) {
		status = exchange(junk[i], strlen(junk[i]), NULL);
		print_message("%zu -> %d\n", i, status);
		assert_true(!status || status / 100 == 4);
	}
	assert_int_equal(call("GET", "/v1/status", "", NULL), 200);
}

/* Are there still slow ones when another client has its answer? All of them are dropped in the end. */
static bool served_beside_slow_ones(void)
{
	static const char begin[] = "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
	bool beside;
	int fds[100];
	ssize_t n;
	size_t i;
	char c;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_socket();
		assert_true(fds[i] >= 0);
		assert_true(send(fds[i], begin, i % sizeof(begin), MSG_NOSIGNAL) >= 0 || errno == EPIPE);
	}
	assert_int_equal(call("GET", "/v1/status", "", NULL), 200);
	beside = recv(fds[ARRAY_SIZE(fds) - 1], &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		while ((n = recv(fds[i], &c, 1, 0)) > 0)
			;
		assert_true(!n || errno != EAGAIN);
		close(fds[i]);
	}
	return beside;
}

/* Slow and silent clients are dropped, and keep nobody waiting meanwhile. */
static void slow_clients(void **state)
{
	int tries = 0;

	(void)state;
	/* a busy machine may have dropped them before they have all come */
	while (!served_beside_slow_ones())
		assert_true(++tries < 20);
	assert_int_equal(call("GET", "/v1/status", "", NULL), 200);
}

static void many_requests_on_one_connection(void **state)
{
	static const char request[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
	char text[4096];
	int fd = connect_socket(), i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
		assert_true(recv(fd, text, sizeof(text), 0) > 0);
		assert_memory_equal(text, "HTTP/1.1 200", 12);
	}
	close(fd);
}

static int exit_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A second one must not take the socket of the first. */
static void one_daemon_per_socket(void **state)
{
	(void)state;
	assert_int_equal(exit_of(spawn("--config", config_path, NULL)), 1);
	assert_int_equal(call("GET", "/v1/status", "", NULL), 200);
}

static void command_line(void **state)
{
	(void)state;
	assert_int_equal(exit_of(spawn("--version", NULL, NULL)), 0);
	assert_int_equal(exit_of(spawn("--help", NULL, NULL)), 0);
	assert_int_equal(exit_of(spawn("--nonsense", NULL, NULL)), 2);
	assert_int_equal(exit_of(spawn("argument", NULL, NULL)), 2);
	assert_int_equal(exit_of(spawn("--check-config", "--config", config_path)), 0);
	assert_int_equal(exit_of(spawn("--check-config", "--config", "/nonexistent")), 1);
}

/* Killed, it leaves its socket; the next one takes over. */
static void restart_after_kill(void **state)
{
	int i, fd = -1;

	(void)state;
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	assert_int_equal(access(socket_path, F_OK), 0);
	daemon_pid = spawn("--config", config_path, NULL);
	for (i = 0; i < 1200 && fd < 0; i++) {
		fd = connect_socket();
		usleep(50000);
	}
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(call("GET", "/v1/status", "", NULL), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status),
		cmocka_unit_test(socket_is_private),
		cmocka_unit_test(without_the_module),
		cmocka_unit_test(unknown_paths_and_methods),
		cmocka_unit_test(bad_bodies),
		cmocka_unit_test(too_large),
		cmocka_unit_test(no_http_at_all),
		cmocka_unit_test(slow_clients),
		cmocka_unit_test(many_requests_on_one_connection),
		cmocka_unit_test(one_daemon_per_socket),
		cmocka_unit_test(command_line),
		cmocka_unit_test(restart_after_kill),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("http", tests, start, stop);
}
