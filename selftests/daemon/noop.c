// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A function that does nothing, for tests and loads: HTTP at 127.0.0.1:$PORT, one request
 * after the other, connections kept open. The path says what it is to do:
 *
 *	/		answers with the body it got, or "ok"
 *	/healthz	200
 *	/pid		its process id, as its sandbox sees it
 *	/env/NAME	an environment variable
 *	/sleep/MS	answers after that time
 *	/until/PATH	answers when that file is there
 *	/exit		ends without an answer
 *	/garbage	answers something that is no HTTP
 *	/large/BYTES	that many bytes
 *	/status/CODE	that status
 *	/touch/MIB	fills so much memory, and keeps it
 *	/fork/N		makes processes that stay; answers how many
 *	/spin/MS	works for that time; answers how much of it on a processor, ms
 *	/say/WORD	writes a line with it to standard output, one to standard error
 *
 * Arguments: --exit CODE ends at once; --deaf never opens its port; --late MS opens it
 * after that time; --keep MIB holds so much memory from the start, and has a body at / answered by
 * {"wrong":N,"asked":BODY}: how many pages of it are not what they were.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <netinet/tcp.h>

#define ROOM (1 << 20)

struct client {
	int fd;
	size_t len;
	char text[ROOM];
};

#define PAGE 4096
#define WORDS (PAGE / sizeof(uint32_t))

/* What --keep holds. */
static uint32_t (*kept)[WORDS];
static size_t nr_kept;
static uint32_t own_seed;

static void send_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len; len -= n, data += n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
	}
}

static void answer(int fd, int status, const char *body, size_t len)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d Fine\r\nContent-Type: text/plain\r\nX-Noop: yes\r\nContent-Length: %zu\r\n\r\n",
			 status, len);
	char *all = malloc(n + len);

	if (!all)
		_exit(3);
	memcpy(all, head, n);
	memcpy(all + n, body, len);
	send_all(fd, all, n + len);
	free(all);
}

static void say(int fd, const char *text)
{
	answer(fd, 200, text, strlen(text));
}

static void touch(unsigned long mib)
{
	size_t size = mib << 20, i;
	/* volatile: nobody reads it, and yet it is to be written */
	volatile char *memory = malloc(size);

	for (i = 0; memory && i < size; i += 64)
		memory[i] = (i >> 12) * 31 + (i & 4095) / 64;
}

/* Of four pages one is zero, one alike in all processes, one nearly so, one this process's own. */
static uint32_t kept_word(size_t page, size_t word)
{
	uint32_t own = page % 4 == 3 || (page % 4 == 2 && word % 128 == 0) ? own_seed : 0;
	uint32_t x = page * 0x9e3779b1u ^ (word % 64) * 0x85ebca6bu ^ own * 0xc2b2ae35u;

	if (page % 4 == 0)
		return 0;
	x = (x ^ x >> 15) * 0x2c1b3c6d;
	return x ^ x >> 12;
}

static void keep(unsigned long mib)
{
	size_t i, k;

	/* no two sandboxes have one; that its process id is 1, all have in common */
	own_seed = atoi(getenv("PORT") ? getenv("PORT") : "0");
	nr_kept = (mib << 20) / PAGE;
	kept = aligned_alloc(PAGE, nr_kept * PAGE);
	if (!kept)
		_exit(3);
	for (i = 0; i < nr_kept; i++)
		for (k = 0; k < WORDS; k++)
			kept[i][k] = kept_word(i, k);
}

static size_t kept_wrong(void)
{
	size_t i, k, wrong = 0;

	for (i = 0; i < nr_kept; i++) {
		for (k = 0; k < WORDS && kept[i][k] == kept_word(i, k); k++)
			;
		wrong += k < WORDS;
	}
	return wrong;
}

static void say_kept(int fd, const char *body, size_t len)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"wrong\":%zu,\"asked\":%.*s}", kept_wrong(), (int)len, body);
	say(fd, text);
}

static unsigned long fork_some(unsigned long n)
{
	unsigned long made;
	pid_t pid;

	for (made = 0; made < n; made++) {
		pid = fork();
		if (pid < 0)
			break;
		/* a connection that is open here, too, would live on in the parent's epoll */
		if (!pid)
			close_range(3, ~0U, 0);
		while (!pid)
			pause();
	}
	return made;
}

static double seconds(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned long spin(unsigned long ms)
{
	double end = seconds(CLOCK_MONOTONIC) + ms / 1e3;
	double used = seconds(CLOCK_PROCESS_CPUTIME_ID);

	while (seconds(CLOCK_MONOTONIC) < end)
		;
	return (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 1e3;
}

static void say_number(int fd, unsigned long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", n);
	say(fd, text);
}

static void serve(int fd, const char *path, const char *body, size_t len)
{
	static char large[4 << 20];
	unsigned long n;

	if (!strcmp(path, "/") && len && kept) {
		say_kept(fd, body, len);
	} else if (!strcmp(path, "/") && len) {
		answer(fd, 200, body, len);
	} else if (!strcmp(path, "/") || !strcmp(path, "/healthz")) {
		say(fd, "ok");
	} else if (!strcmp(path, "/pid")) {
		say_number(fd, getpid());
	} else if (!strncmp(path, "/env/", 5)) {
		say(fd, getenv(path + 5) ? getenv(path + 5) : "");
	} else if (sscanf(path, "/sleep/%lu", &n) == 1) {
		usleep(n * 1000);
		say(fd, "slept");
	} else if (!strncmp(path, "/until/", 7)) {
		while (access(path + 6, F_OK))
			usleep(10000);
		say(fd, "come");
	} else if (!strcmp(path, "/exit")) {
		_exit(7);
	} else if (!strcmp(path, "/garbage")) {
		send_all(fd, "\x01\x02 what?\r\n\r\n", 12);
		shutdown(fd, SHUT_RDWR);
	} else if (sscanf(path, "/large/%lu", &n) == 1) {
		memset(large, 'x', sizeof(large));
		answer(fd, 200, large, n < sizeof(large) ? n : sizeof(large));
	} else if (sscanf(path, "/status/%lu", &n) == 1) {
		answer(fd, n, "", 0);
	} else if (sscanf(path, "/touch/%lu", &n) == 1) {
		touch(n);
		say(fd, "touched");
	} else if (sscanf(path, "/fork/%lu", &n) == 1) {
		say_number(fd, fork_some(n));
	} else if (sscanf(path, "/spin/%lu", &n) == 1) {
		say_number(fd, spin(n));
	} else if (!strncmp(path, "/say/", 5)) {
		dprintf(STDOUT_FILENO, "out: %s\n", path + 5);
		dprintf(STDERR_FILENO, "err: %s\n", path + 5);
		say(fd, "said");
	} else {
		answer(fd, 404, path, strlen(path));
	}
}

/* Serves what is whole; returns what is left. */
static void take(struct client *c)
{
	char *end, *head, path[1024];
	size_t length, used;

	for (;;) {
		c->text[c->len] = '\0';
		end = strstr(c->text, "\r\n\r\n");
		if (!end)
			return;
		length = 0;
		head = strcasestr(c->text, "\r\nContent-Length:");
		if (head && head < end)
			length = strtoul(head + 17, NULL, 10);
		used = end + 4 - c->text + length;
		if (c->len < used)
			return;
		if (sscanf(c->text, "%*s %1023[^ ?]", path) != 1)
			strcpy(path, "/");
		serve(c->fd, path, end + 4, length);
		memmove(c->text, c->text + used, c->len - used);
		c->len -= used;
	}
}

static void take_client(int poll, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct client *c = malloc(sizeof(*c));
	int one = 1;

	if (!c)
		_exit(3);
	c->len = 0;
	c->fd = accept(listener, NULL, NULL);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event.data.ptr = c;
	epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
}

static void hear(struct client *c)
{
	ssize_t n = recv(c->fd, c->text + c->len, ROOM - 1 - c->len, 0);

	if (n > 0) {
		c->len += n;
		take(c);
		return;
	}
	close(c->fd);
	free(c);
}

static int open_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(atoi(getenv("PORT") ? getenv("PORT") : "0")),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 128)) {
		perror("noop: cannot listen at $PORT");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	int poll = epoll_create1(0), listener;

	if (argc > 2 && !strcmp(argv[1], "--exit"))
		return atoi(argv[2]);
	if (argc > 1 && !strcmp(argv[1], "--deaf"))
		pause();
	if (argc > 2 && !strcmp(argv[1], "--late"))
		usleep(atoi(argv[2]) * 1000);
	if (argc > 2 && !strcmp(argv[1], "--keep"))
		keep(atoi(argv[2]));
	listener = open_port();
	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		/* interrupted: it was frozen, and goes on */
		if (epoll_wait(poll, &event, 1, -1) < 1)
			continue;
		if (event.data.ptr)
			hear(event.data.ptr);
		else
			take_client(poll, listener);
	}
}
