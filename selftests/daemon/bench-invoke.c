// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Load on the whole of medesd, natively: a function that does nothing, invoked over several
 * connections that stay open, each with the next request as soon as it has its answer. What
 * is measured is the controller: HTTP in, scheduling, HTTP to the sandbox and back.
 *
 *	bench-invoke MEDESD NOOP [SECONDS] [CONNECTIONS]
 *
 * Needs root (cgroups, namespaces), no module. Exit status 1 when an invocation failed or
 * fewer than 1000 a second were served.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define SAMPLES_MAX 4000000
#define WANTED 1000

static char directory[] = "/tmp/medesd-bench-XXXXXX";
static char socket_path[64];
static uint32_t *samples;		/* us */
static size_t n_samples, n_failed;

struct client {
	int fd;
	uint64_t begun;
	size_t len;
	char text[8192];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static int connect_daemon(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, socket_path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static pid_t start_daemon(const char *program, unsigned int connections)
{
	char path[96];
	FILE *file;
	pid_t pid;
	int i, fd;

	if (!mkdtemp(directory))
		die(directory);
	snprintf(socket_path, sizeof(socket_path), "%s/sock", directory);
	snprintf(path, sizeof(path), "%s/conf", directory);
	file = fopen(path, "w");
	if (!file)
		die(path);
	fprintf(file,
		"[Daemon]\nSocket=%s\nState=%s/state\nLogLevel=warning\n[Functions]\nCgroup=medes-bench-%d\nPrivateTmp=no\nMaxCalls=%u\n",
		socket_path, directory, getpid(), 2 * connections);
	fclose(file);
	pid = fork();
	if (!pid) {
		execl(program, program, "-c", path, NULL);
		_exit(127);
	}
	for (i = 0; i < 500; i++) {
		fd = connect_daemon();
		if (fd >= 0) {
			close(fd);
			return pid;
		}
		usleep(20000);
	}
	fputs("bench-invoke: medesd does not answer\n", stderr);
	exit(1);
}

static void put_function(const char *program, unsigned int boxes)
{
	char body[512], head[256], answer[4096];
	int fd = connect_daemon();
	ssize_t n;

	snprintf(body, sizeof(body), "{\"command\":[\"%s\"],\"max_sandboxes\":%u,\"queue_length\":10000}",
		 program, boxes);
	snprintf(head, sizeof(head),
		 "PUT /v1/functions/noop HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		 strlen(body));
	if (fd < 0 || write(fd, head, strlen(head)) < 0 || write(fd, body, strlen(body)) < 0)
		die("function");
	n = read(fd, answer, sizeof(answer) - 1);
	answer[n > 0 ? n : 0] = '\0';
	close(fd);
	if (strstr(answer, " 201 "))
		return;
	fprintf(stderr, "bench-invoke: %s\n", answer);
	exit(1);
}

static void ask(struct client *c)
{
	static const char request[] =
		"POST /v1/functions/noop/invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{\"seed\": 42}";

	c->begun = now_us();
	c->len = 0;
	if (send(c->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		die("send");
}

/* True when the answer is whole. */
static bool hear(struct client *c)
{
	ssize_t n = recv(c->fd, c->text + c->len, sizeof(c->text) - 1 - c->len, 0);
	char *end, *length;

	if (n <= 0)
		die("medesd closed a connection");
	c->len += n;
	c->text[c->len] = '\0';
	end = strstr(c->text, "\r\n\r\n");
	length = strstr(c->text, "Content-Length: ");
	if (!end || !length || c->len < (size_t)(end + 4 - c->text) + atoi(length + 16))
		return false;
	if (strncmp(c->text, "HTTP/1.1 200", 12) || strcmp(end + 4, "{\"seed\": 42}"))
		n_failed++;
	if (n_samples < SAMPLES_MAX)
		samples[n_samples++] = now_us() - c->begun;
	return true;
}

static void load(unsigned int n, double seconds)
{
	static struct client clients[CONNECTIONS_MAX];
	struct pollfd fds[CONNECTIONS_MAX];
	uint64_t until = now_us() + seconds * 1e6;
	unsigned int i, open = n;

	for (i = 0; i < n; i++) {
		clients[i].fd = connect_daemon();
		if (clients[i].fd < 0)
			die("connect");
		fds[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		ask(&clients[i]);
	}
	while (open) {
		if (poll(fds, n, 10000) <= 0)
			die("no answer for ten seconds");
		for (i = 0; i < n; i++) {
			if (!(fds[i].revents & (POLLIN | POLLHUP)) || !hear(&clients[i]))
				continue;
			if (now_us() < until) {
				ask(&clients[i]);
				continue;
			}
			close(clients[i].fd);
			fds[i].fd = -1;
			open--;
		}
	}
}

static double cpu_seconds(pid_t pid)
{
	unsigned long user, kernel;
	char path[64];
	FILE *file;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		die(path);
	n = fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
	fclose(file);
	return n == 2 ? (double)(user + kernel) / sysconf(_SC_CLK_TCK) : 0;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double at(double share)
{
	return samples[(size_t)(share * (n_samples - 1))] / 1e3;
}

int main(int argc, char **argv)
{
	double seconds = argc > 3 ? atof(argv[3]) : 10, took, cpu;
	unsigned int n = argc > 4 ? atoi(argv[4]) : 8;
	char command[128];
	uint64_t begun;
	pid_t pid;

	if (argc < 3 || n < 1 || n > CONNECTIONS_MAX || seconds <= 0) {
		fputs("usage: bench-invoke MEDESD NOOP [SECONDS] [CONNECTIONS]\n", stderr);
		return 2;
	}
	samples = malloc(SAMPLES_MAX * sizeof(*samples));
	if (!samples)
		die("samples");
	pid = start_daemon(argv[1], n);
	put_function(argv[2], n);
	load(n, 1);	/* the sandboxes start */
	n_samples = 0;
	cpu = cpu_seconds(pid);
	begun = now_us();
	load(n, seconds);
	took = (now_us() - begun) / 1e6;
	cpu = cpu_seconds(pid) - cpu;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	if (system(command))
		die(directory);
	qsort(samples, n_samples, sizeof(*samples), by_size);
	printf("%zu invocations in %.1f s over %u connections: %.0f/s, %zu failed\n", n_samples, took, n,
	       n_samples / took, n_failed);
	printf("ms: p50 %.2f, p95 %.2f, p99 %.2f, longest %.2f\n", at(0.5), at(0.95), at(0.99), at(1));
	printf("medesd: %.0f %% of a CPU, %.0f us an invocation\n", 100 * cpu / took,
	       1e6 * cpu / n_samples);
	return n_failed || n_samples / took < WANTED;
}
