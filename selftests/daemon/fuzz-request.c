// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: from a request to the operation layer.
 *
 * The server, the handlers and the controller are medesd's own, on a simulated machine; the
 * input chooses method and path and is the body. So whatever a client can send
 * is parsed, checked, carried out and answered. Left out is adopt, which would act on real
 * processes and cgroups; without the module, nothing else can.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>
#include "api.h"
#include "catalogue.h"
#include "engine.h"
#include "kernel.h"
#include "leases.h"
#include "log.h"
#include "node.h"
#include "obey.h"
#include "simhost.h"
#include "streams.h"
#include "view.h"

static const char *const targets[] = {
	"PUT /v1/functions/f", "PUT /v1/functions/g?domain=d", "POST /v1/functions",
	"PUT /v1/policy", "POST /v1/functions/f/acquire", "POST /v1/sandboxes/f-1/acquire",
	"POST /v1/sandboxes/f-1/release", "POST /v1/sandboxes", "POST /v1/bases",
	"DELETE /v1/functions/f", "GET /v1/functions", "GET /v1/functions/f/explain",
	"GET /metrics", "GET /v1/sandboxes", "DELETE /v1/sandboxes/f-1", "GET /v1/jobs/1?wait_ms=1",
	"PUT /v1/functions/%66%2f", "POST /v1/sandboxes/f-1/dedup",
	/* between daemons */
	"OBEY ", "VIEW ",
};

static struct daemon d;
static struct sim *sim;
static char directory[] = "/tmp/medesd-fuzz-XXXXXX";

static void start(void)
{
	if (!mkdtemp(directory))
		abort();
	log_init(LOG_ERR);
	config_default(&d.config);
	snprintf(d.config.socket, sizeof(d.config.socket), "%s/s", directory);
	snprintf(d.config.state, sizeof(d.config.state), "%s/state", directory);
	d.events = event_base_new();
	d.engine = engine_local_new(d.config.pages_per_hash);
	if (!d.engine)
		abort();
	d.registry = d.engine->local;
	d.kernel = kernel_new(d.events, &node_handlers, &d);
	d.bases = bases_new(&d);
	d.jobs = jobs_new(&d);
	sim = sim_new(1);
	d.control = sim->control;
	d.clock = sim->clock;
	d.streams = streams_new(&d);
	d.catalogue = catalogue_new(d.config.state);
	d.leases = leases_new(&d);
	d.obey = obey_new(&d);
	d.http = http_new(&d, api_tables, api_n_tables);
	if (!d.kernel || !d.bases || !d.jobs || !d.http || !d.catalogue || !d.leases || !d.obey)
		abort();
}

static int connect_server(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, d.config.socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	return fd;
}

/* Until it is answered; what waits for a sandbox gets the time that it takes. */
static void exchange(int fd)
{
	char answer[65536];
	ssize_t n;
	int i;

	for (i = 0; i < 400; i++) {
		event_base_loop(d.events, EVLOOP_NONBLOCK);
		n = recv(fd, answer, sizeof(answer), 0);
		if (n == 0)
			return;
		if (n < 0)
			sim_run(sim, 0.2);
	}
}

/* A command to this node, of a controller that a certificate vouches for; or another node's report. */
static void between_daemons(const char *target, const uint8_t *data, size_t size)
{
	json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	json_t *answer = NULL;
	char error[200];

	if (json_is_object(body) && *target == 'O')
		obey_command(d.obey, "n9", body, &answer);
	else if (json_is_object(body))
		view_free(view_parse(body, clock_now(d.clock), error, sizeof(error)));
	json_decref(answer);
	json_decref(body);
	sim_run(sim, 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *target, *path;
	char head[512];
	int fd, len;

	if (!size || size > 32768)
		return 0;
	if (!d.events)
		start();
	target = targets[data[0] % ARRAY_SIZE(targets)];
	path = strchr(target, ' ');
	if (!path[1]) {
		between_daemons(target, data + 1, size - 1);
		return 0;
	}
	len = snprintf(head, sizeof(head),
		       "%.*s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		       (int)(path - target), target, path, size - 1);
	fd = connect_server();
	if (send(fd, head, len, MSG_NOSIGNAL) != len ||
	    send(fd, data + 1, size - 1, MSG_NOSIGNAL) != (ssize_t)size - 1)
		abort();
	exchange(fd);
	close(fd);
	event_base_loop(d.events, EVLOOP_NONBLOCK);
	sim_run(sim, 5);
	return 0;
}
