// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-replay: sends the requests of an arrival trace to medesd, each at its time, whatever
 * became of those before it (open loop), and notes what came of each. Meanwhile it notes
 * once a second how much memory of the machine is in use.
 *
 * A latency is counted from the time that the trace says, not from when the request
 * could be sent, so a client that lags behind hides nothing.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "clock.h"
#include "trace.h"

#define ANSWER_MAX (1 << 20)
#define SETTLE_S 120			/* that the last answers may take */

enum { DONE, FAILED, USAGE };

struct replay {
	struct event_base *events;
	struct clock *clock;
	struct trace trace;
	struct sockaddr_un address;
	uint64_t begin;
	size_t sent;
	size_t open;
	struct timer next;
	struct timer sample;
	struct timer end;
	FILE *requests;
	FILE *memory;
	size_t failed;
	size_t late;			/* sent more than 100 ms after their time */
};

struct request {
	struct replay *replay;
	struct bufferevent *connection;
	const struct arrival *arrival;
	char answer[1024];		/* its head */
};

static uint64_t since_begin(const struct replay *r)
{
	return clock_now(r->clock) - r->begin;
}

/* The value of a header of the answer; empty if there is none. */
static void header(const char *head, const char *name, char *value, size_t size)
{
	const char *line = head, *end = strstr(head, "\r\n\r\n");
	size_t len = strlen(name);

	*value = '\0';
	while ((line = strstr(line, "\r\n")) && line < end) {
		line += 2;
		if (strncasecmp(line, name, len) || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " ");
		snprintf(value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
		return;
	}
}

static void end_if_over(struct replay *r)
{
	if (!r->open && r->sent == r->trace.n)
		event_base_loopbreak(r->events);
}

/* Notes the answer that has been read so far, which may be none. */
static void finish(struct request *q)
{
	struct replay *r = q->replay;
	char start[16], start_ms[32];
	int status = 0;

	if (sscanf(q->answer, "HTTP/1.%*d %d", &status) != 1)
		status = 0;
	header(q->answer, "Medes-Start", start, sizeof(start));
	header(q->answer, "Medes-Start-Ms", start_ms, sizeof(start_ms));
	fprintf(r->requests, "%.6f,%s,%d,%s,%s,%.3f\n", q->arrival->at / 1e6,
		r->trace.names[q->arrival->function], status, start, start_ms,
		((double)since_begin(r) - q->arrival->at) / 1e3);
	r->failed += status != 200;
	bufferevent_free(q->connection);
	free(q);
	r->open--;
	end_if_over(r);
}

/* The head is kept, the body only drained. */
static void on_read(struct bufferevent *b, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(b);
	struct request *q = arg;
	size_t have = strlen(q->answer), n;

	n = evbuffer_copyout(input, q->answer + have, sizeof(q->answer) - 1 - have);
	q->answer[have + n] = '\0';
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_event(struct bufferevent *b, short what, void *arg)
{
	(void)b;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		finish(arg);
}

static void send_request(struct replay *r, const struct arrival *a)
{
	struct request *q = calloc(1, sizeof(*q));
	char body[64];

	if (!q || !(q->connection = bufferevent_socket_new(r->events, -1, BEV_OPT_CLOSE_ON_FREE))) {
		fputs("medes-replay: no memory\n", stderr);
		exit(FAILED);
	}
	q->replay = r;
	q->arrival = a;
	r->open++;
	r->late += since_begin(r) - a->at > 100 * US_PER_MS;
	bufferevent_setcb(q->connection, on_read, NULL, on_event, q);
	bufferevent_enable(q->connection, EV_READ | EV_WRITE);
	snprintf(body, sizeof(body), "{\"seed\": %zu}", (size_t)(a - r->trace.v) + 1000);
	evbuffer_add_printf(bufferevent_get_output(q->connection),
			    "POST /v1/functions/%s/invoke HTTP/1.1\r\nHost: medesd\r\n"
			    "Connection: close\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\n\r\n%s",
			    r->trace.names[a->function], strlen(body), body);
	/* an error comes as an event, from the loop or from within */
	bufferevent_socket_connect(q->connection, (struct sockaddr *)&r->address,
				   sizeof(r->address));
}

static void on_next(void *arg)
{
	struct replay *r = arg;
	uint64_t now = since_begin(r);

	while (r->sent < r->trace.n && r->trace.v[r->sent].at <= now)
		send_request(r, &r->trace.v[r->sent++]);
	if (r->sent < r->trace.n)
		timer_set_at(&r->next, r->begin + r->trace.v[r->sent].at);
	end_if_over(r);
}

/* What is neither free nor cached files: processes, the kernel's own, records and bases. */
static double used_bytes(void)
{
	double total = 0, free = 0, buffers = 0, cached = 0, shared = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "MemTotal: %lf", &total);
		sscanf(line, "MemFree: %lf", &free);
		sscanf(line, "Buffers: %lf", &buffers);
		sscanf(line, "Cached: %lf", &cached);
		sscanf(line, "Shmem: %lf", &shared);
	}
	if (file)
		fclose(file);
	return 1024 * (total - free - buffers - cached + shared);
}

static void on_sample(void *arg)
{
	struct replay *r = arg;

	timer_set(&r->sample, US_PER_S);
	fprintf(r->memory, "%.3f,%.0f\n", since_begin(r) / 1e6, used_bytes());
	fflush(r->memory);
}

static void on_end(void *arg)
{
	struct replay *r = arg;

	fprintf(stderr, "medes-replay: %zu requests were not answered within %d s of the last\n",
		r->open, SETTLE_S);
	r->failed += r->open;
	event_base_loopbreak(r->events);
}

static FILE *open_out(const char *prefix, const char *what, const char *head)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s-%s", prefix, what);
	file = fopen(path, "we");
	if (file)
		fputs(head, file);
	else
		fprintf(stderr, "medes-replay: %s: %s\n", path, strerror(errno));
	return file;
}

static int read_trace(struct replay *r, const char *path)
{
	FILE *file = fopen(path, "re");
	char error[256] = "";
	int err = file ? trace_read(&r->trace, file, error, sizeof(error)) : -errno;

	if (file)
		fclose(file);
	if (err)
		fprintf(stderr, "medes-replay: %s: %s\n", path, *error ? error : strerror(-err));
	return err;
}

static int run(struct replay *r)
{
	timer_init(&r->next, r->clock, on_next, r);
	timer_init(&r->sample, r->clock, on_sample, r);
	timer_init(&r->end, r->clock, on_end, r);
	r->begin = clock_now(r->clock);
	timer_set(&r->sample, 0);
	timer_set_at(&r->next, r->begin + (r->trace.n ? r->trace.v[0].at : 0));
	timer_set_at(&r->end, r->begin + SETTLE_S * US_PER_S +
		     (r->trace.n ? r->trace.v[r->trace.n - 1].at : 0));
	event_base_dispatch(r->events);
	fprintf(stderr, "medes-replay: %zu requests, %zu without success, %zu sent late\n",
		r->trace.n, r->failed, r->late);
	return fclose(r->requests) | fclose(r->memory) ? FAILED : DONE;
}

int main(int argc, char **argv)
{
	struct replay r = { .address.sun_family = AF_UNIX };

	if (argc != 4 || strlen(argv[1]) >= sizeof(r.address.sun_path)) {
		fputs("usage: medes-replay SOCKET TRACE PREFIX\n"
		      "Sends the requests of TRACE (see medes-trace) to medesd at SOCKET, and writes\n"
		      "PREFIX-requests.csv and PREFIX-memory.csv.\n", stderr);
		return USAGE;
	}
	strcpy(r.address.sun_path, argv[1]);
	if (read_trace(&r, argv[2]))
		return FAILED;
	r.events = event_base_new();
	r.clock = r.events ? clock_real_new(r.events) : NULL;
	r.requests = open_out(argv[3], "requests.csv",
			      "at_s,function,status,start,start_ms,total_ms\n");
	r.memory = open_out(argv[3], "memory.csv", "at_s,used_bytes\n");
	if (!r.clock || !r.requests || !r.memory)
		return FAILED;
	return run(&r);
}
