// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A load of invocations: one function, asked over several connections that stay open. With a
 * rate, each request has its time and is sent then or as soon as a connection is free,
 * and its latency counts from that time; without, each connection sends the next as soon as
 * it has its answer.
 *
 * The function answers with the body it got, as noop does. What came of it is one line of
 * JSON; speed is for others to judge. Exit status 1 when a request failed.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define SAMPLES_MAX 4000000
#define PATIENCE_MS 120000
#define BODY "{\"seed\": 42}"

struct client {
	int fd;
	bool busy;
	uint64_t due;			/* us */
	size_t len;
	char text[8192];
};

static struct client clients[CONNECTIONS_MAX];
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char request[512];
static uint32_t *samples;		/* us */
static size_t n_samples, n_sent, n_failed;

static void die(const char *what)
{
	fprintf(stderr, "invoke-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static void open_client(struct client *c)
{
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)))
		die(address.sun_path);
}

static void finish(struct client *c, bool good)
{
	c->busy = false;
	n_failed += !good;
	if (n_samples < SAMPLES_MAX)
		samples[n_samples++] = now_us() - c->due;
}

/* The connection is of no use any more. */
static void lose(struct client *c)
{
	close(c->fd);
	open_client(c);
	finish(c, false);
}

static void ask(struct client *c, uint64_t due)
{
	size_t len = strlen(request);

	c->due = due;
	c->len = 0;
	c->busy = true;
	n_sent++;
	if (send(c->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		lose(c);
}

static void hear(struct client *c)
{
	ssize_t n = recv(c->fd, c->text + c->len, sizeof(c->text) - 1 - c->len, 0);
	char *end, *length;
	bool good;

	if (n <= 0) {
		lose(c);
		return;
	}
	c->len += n;
	c->text[c->len] = '\0';
	end = strstr(c->text, "\r\n\r\n");
	length = strstr(c->text, "Content-Length: ");
	if (!end || !length || c->len < (size_t)(end + 4 - c->text) + atoi(length + 16))
		return;
	good = !strncmp(c->text, "HTTP/1.1 200", 12) && !strcmp(end + 4, BODY);
	if (!good)
		fprintf(stderr, "invoke-load: %.300s\n", c->text);
	finish(c, good);
}

static struct client *idle_client(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!clients[i].busy)
			return &clients[i];
	return NULL;
}

/* Sends what is due; returns ms until something will be, if a client is idle. */
static int send_due(unsigned int n, double rate, uint64_t begun, uint64_t until)
{
	struct client *c;
	uint64_t due;

	while ((c = idle_client(n))) {
		due = rate > 0 ? begun + n_sent * 1e6 / rate : now_us();
		if (due >= until)
			break;
		if (due > now_us())
			return (due - now_us()) / 1000 + 1;
		ask(c, due);
	}
	return PATIENCE_MS;
}

static unsigned int n_busy(unsigned int n)
{
	unsigned int i, busy = 0;

	for (i = 0; i < n; i++)
		busy += clients[i].busy;
	return busy;
}

static void load(unsigned int n, double rate, double seconds)
{
	struct pollfd fds[CONNECTIONS_MAX];
	uint64_t begun = now_us(), until = begun + seconds * 1e6;
	unsigned int i;
	int pause;

	for (i = 0; i < n; i++)
		open_client(&clients[i]);
	for (;;) {
		pause = send_due(n, rate, begun, until);
		if (!n_busy(n) && pause == PATIENCE_MS)
			return;
		for (i = 0; i < n; i++)
			fds[i] = (struct pollfd){ .fd = clients[i].busy ? clients[i].fd : -1,
						  .events = POLLIN };
		if (!poll(fds, n, pause) && pause == PATIENCE_MS) {
			errno = ETIMEDOUT;
			die("no answer");
		}
		for (i = 0; i < n; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				hear(&clients[i]);
	}
}

static double cpu_seconds(int pid)
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
	return n_samples ? samples[(size_t)(share * (n_samples - 1))] / 1e3 : 0;
}

static void report(double took, double cpu)
{
	qsort(samples, n_samples, sizeof(*samples), by_size);
	printf("{\"sent\": %zu, \"failed\": %zu, \"seconds\": %.3f, \"per_s\": %.1f,"
	       " \"p50_ms\": %.3f, \"p95_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"cpu_s\": %.2f}\n",
	       n_sent, n_failed, took, n_sent / took, at(0.5), at(0.95), at(0.99), at(1), cpu);
}

static void usage(void)
{
	fputs("usage: invoke-load [-r RATE] [-s SECONDS] [-c CONNECTIONS] [-p PID] SOCKET FUNCTION\n"
	      "  -r RATE         requests offered a second; without, as many as are answered\n"
	      "  -s SECONDS      10\n"
	      "  -c CONNECTIONS  8\n"
	      "  -p PID          medesd, whose processor time is reported\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	double rate = 0, seconds = 10, cpu = 0;
	unsigned int n = 8;
	int pid = 0, c;
	uint64_t begun;

	while ((c = getopt(argc, argv, "r:s:c:p:")) != -1) {
		if (c == 'r')
			rate = atof(optarg);
		else if (c == 's')
			seconds = atof(optarg);
		else if (c == 'c')
			n = atoi(optarg);
		else if (c == 'p')
			pid = atoi(optarg);
		else
			usage();
	}
	if (argc - optind != 2 || n < 1 || n > CONNECTIONS_MAX || seconds <= 0 || rate < 0 ||
	    strlen(argv[optind]) >= sizeof(address.sun_path) || strlen(argv[optind + 1]) > 64)
		usage();
	strcpy(address.sun_path, argv[optind]);
	snprintf(request, sizeof(request),
		 "POST /v1/functions/%s/invoke HTTP/1.1\r\nHost: medesd\r\nContent-Length: %zu\r\n\r\n" BODY,
		 argv[optind + 1], strlen(BODY));
	samples = malloc(SAMPLES_MAX * sizeof(*samples));
	if (!samples)
		die("samples");
	if (pid)
		cpu = cpu_seconds(pid);
	begun = now_us();
	load(n, rate, seconds);
	report((now_us() - begun) / 1e6, pid ? cpu_seconds(pid) - cpu : 0);
	return n_failed > 0;
}
