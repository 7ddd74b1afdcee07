// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesd: the control daemon, in the roles of node and controller. This file reads the
 * command line and orders start and end; the parts are described in their files.
 *
 * libmedes (lib/) holds what medesctl needs as well.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include "api.h"
#include "auth.h"
#include "badness.h"
#include "catalogue.h"
#include "cgroup.h"
#include "control.h"
#include "daemon.h"
#include "engine.h"
#include "front.h"
#include "host.h"
#include "job.h"
#include "leases.h"
#include "log.h"
#include "node.h"
#include "nodes.h"
#include "obey.h"
#include "replay.h"
#include "settle.h"
#include "specs.h"
#include "steer.h"
#include "streams.h"
#include "tls.h"
#include "transport.h"

enum { DONE, FAILED, USAGE };

enum role { BOTH, NODE, CONTROLLER };

static const char *const roles[] = { [BOTH] = "both", [NODE] = "node", [CONTROLLER] = "controller" };

struct options {
	const char *config;
	enum role role;
	bool check;
};

static void usage(FILE *to)
{
	fputs("usage: medesd [--config FILE] [--role ROLE] [--check-config]\n"
	      "Control daemon of Medes: tells the kernel module which pages of idle sandboxes\n"
	      "to deduplicate, and against what.\n\n"
	      "  -c, --config FILE   read FILE instead of " MEDESD_CONF "\n"
	      "      --role ROLE     of a cluster: node (never leads), controller (runs no sandboxes), both\n"
	      "      --check-config  say whether the configuration is good, and end\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n", to);
}

static bool take_role(const char *name, enum role *role)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		if (strcmp(roles[i], name))
			continue;
		*role = i;
		return true;
	}
	fprintf(stderr, "medesd: --role %s: want node, controller or both\n", name);
	return false;
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "role", required_argument, NULL, 'r' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'r':
			if (!take_role(optarg, &options->role))
				return USAGE;
			break;
		case 'C':
			options->check = true;
			break;
		case 'h':
			usage(stdout);
			return DONE;
		case 'V':
			puts("medesd " MEDES_VERSION);
			return DONE;
		default:
			usage(stderr);
			return USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "medesd: no argument is expected, but there is \"%s\"\n", argv[optind]);
	usage(stderr);
	return USAGE;
}

/* The role, which has the last word over the file. */
static int take_part(struct config *config, enum role role, char *error, size_t size)
{
	bool leads = config->controller[0] && !strcmp(config->controller, config->node);

	if (role == NODE)
		config->candidate = false;
	if (role == CONTROLLER)
		config->serve = false;
	if (role == NODE && leads)
		snprintf(error, size, "--role node, but [Cluster] Controller=%s is this node",
			 config->controller);
	else if (role == CONTROLLER && config->controller[0] && !leads)
		snprintf(error, size, "--role controller, but [Cluster] Controller=%s is another node",
			 config->controller);
	else
		return 0;
	return -EINVAL;
}

/* The default file may be absent, one that was named may not. */
static int read_config(const struct options *options, struct config *config)
{
	const char *path = options->config ? options->config : MEDESD_CONF;
	char error[512];
	int err;

	config_default(config);
	err = config_load(config, path, error, sizeof(error));
	if (err && (err != -ENOENT || options->config)) {
		fprintf(stderr, "medesd: %s\n", error);
		return err;
	}
	if (take_part(config, options->role, error, sizeof(error))) {
		fprintf(stderr, "medesd: %s\n", error);
		return -EINVAL;
	}
	if (options->check)
		printf("%s: good%s\n", path, err ? " (there is none; the defaults hold)" : "");
	return 0;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	log_notice("ending: %s", strsignal(number));
	event_base_loopbreak(d->events);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	sd_notify(0, "WATCHDOG=1");
}

/* Signals, and systemd's watchdog when it is asked for. */
static int add_events(struct daemon *d, struct event *added[3])
{
	struct timeval half;
	uint64_t us = 0;

	signal(SIGPIPE, SIG_IGN);
	added[0] = evsignal_new(d->events, SIGTERM, on_signal, d);
	added[1] = evsignal_new(d->events, SIGINT, on_signal, d);
	if (!added[0] || !added[1] || event_add(added[0], NULL) || event_add(added[1], NULL))
		return -1;
	if (sd_watchdog_enabled(0, &us) <= 0)
		return 0;
	half = (struct timeval){ .tv_sec = us / 2000000, .tv_usec = us / 2 % 1000000 };
	added[2] = event_new(d->events, -1, EV_PERSIST, on_watchdog, NULL);
	return added[2] ? event_add(added[2], &half) : -1;
}

/* Parts of the controller that need nothing but the loop. */
static int control_open(struct daemon *d)
{
	const struct config *config = &d->config;
	uint64_t seed = 0;

	d->clock = clock_real_new(d->events);
	d->streams = streams_new(d);
	d->host = host_new(d);
	if (!d->clock || !d->streams || !d->host ||
	    getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -1;
	d->control = control_new(d->clock, seed, &host_ops, d->host);
	if (!d->control)
		return -1;
	d->control->policy.ops = config->policy;
	d->control->policy.params = config->params;
	d->control->limits = (struct control_limits){
		.capacity = (double)config->capacity * (1 << 20),
		.floor = (double)config->floor * (1 << 20),
		.assumed = (double)config->assumed * (1 << 20),
		.max_boxes = config->max_sandboxes,
		.max_calls = config->max_calls,
		.max_dedup_starts = config->max_dedup_starts,
		.max_dedups = config->jobs,
	};
	return 0;
}

/* Does the configuration say that there is a controller, and can it reach the nodes? */
static bool has_controller(const struct daemon *d)
{
	const struct config *config = &d->config;

	return nodes_on(d->nodes) && config->protocol >= STEER_PROTOCOL &&
	       (config->valkey || config->controller[0]);
}

/* Commands of the cluster's controller, from here or to here. */
static int steer_open(struct daemon *d)
{
	d->catalogue = catalogue_new(d->config.state);
	d->obey = obey_new(d);
	d->replays = replays_new(d->clock);
	if (!d->catalogue || !d->obey || !d->replays)
		return -1;
	if (!has_controller(d))
		return 0;
	d->fronts = fronts_new(d);
	d->steer = d->fronts ? steer_new(d, transport(d)) : NULL;
	return d->steer ? 0 : -1;
}

static void steer_close(struct daemon *d)
{
	fronts_free(d->fronts);
	d->fronts = NULL;
	steer_free(d->steer);
	d->steer = NULL;
	obey_free(d->obey);
	d->obey = NULL;
	catalogue_free(d->catalogue);
	d->catalogue = NULL;
}

static void control_close(struct daemon *d)
{
	control_free(d->control);
	d->control = NULL;
	streams_free(d->streams);
	d->streams = NULL;
	host_free(d->host);
	d->host = NULL;
	clock_free(d->clock);
	d->clock = NULL;
}

static int load_tokens(struct daemon *d)
{
	char error[512];

	if (!d->config.tokens[0]) {
		if (d->config.listen[0])
			log_warning("Listen= without Tokens=: nobody can do anything there");
		return 0;
	}
	d->auth = auth_load(d->config.tokens, error, sizeof(error));
	if (!d->auth)
		log_error("%s", error);
	return d->auth ? 0 : -1;
}

static int load_certificates(struct daemon *d)
{
	const struct config *config = &d->config;
	char error[512];

	if (!config->certificates[0])
		return 0;
	d->tls = tls_new(config->certificates, config->cluster, config->node, error, sizeof(error));
	if (!d->tls)
		log_error("[Cluster] %s", error);
	return d->tls ? 0 : -1;
}

static void serve(struct daemon *d)
{
	log_info("medesd " MEDES_VERSION " at %s", d->config.socket);
	cgroup_thaw_left();
	sd_notify(0, "STATUS=Waiting for the kernel module (modprobe medes).");
	kernel_start(d->kernel);
	if (!kernel_nl(d->kernel))
		log_notice("the kernel module is not loaded: functions run, and idle ones stay warm or end; load it with: modprobe medes");
	specs_load(d->config.state, d->control);
	rebuild(d);
	sd_notify(0, "READY=1");
}

/*
 * A request passes three connections, each of which waits to read and to write in turns. Told
 * all at once before the loop waits, most of these changes cancel each other out.
 */
static struct event_base *events_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *events = NULL;

	if (config && !event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST))
		events = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return events;
}

static int run(struct daemon *d)
{
	struct event *added[3] = { NULL };
	int code = FAILED;
	size_t i;

	d->events = events_new();
	if (!d->events)
		return FAILED;
	if (load_tokens(d) || load_certificates(d))
		goto out_auth;
	d->engine = engine_new(d);
	if (!d->engine)
		goto out_auth;
	d->registry = d->engine->local;
	d->leases = leases_new(d);
	if (!d->leases)
		goto out_engine;
	d->bases = bases_new(d);
	if (!d->bases)
		goto out_leases;
	d->jobs = jobs_new(d);
	if (!d->jobs)
		goto out_bases;
	d->settler = settler_new(d);
	if (!d->settler)
		goto out_jobs;
	if (control_open(d))
		goto out_settler;
	d->kernel = kernel_new(d->events, &node_handlers, d);
	if (!d->kernel)
		goto out_settler;
	d->nodes = nodes_new(d);
	if (!d->nodes)
		goto out_kernel;
	if (steer_open(d))
		goto out_steer;
	d->http = http_new(d, api_tables, api_n_tables);
	if (!d->http)
		goto out_steer;
	if (add_events(d, added))
		goto out_http;
	d->badness = badness_new(d);
	if (!d->badness)
		goto out_http;
	serve(d);
	if (!event_base_dispatch(d->events))
		code = DONE;
	sd_notify(0, "STOPPING=1");
	host_shutdown(d->host);

out_http:
	for (i = 0; i < ARRAY_SIZE(added); i++)
		if (added[i])
			event_free(added[i]);
	steer_close(d);
	control_close(d);
	replays_free(d->replays);
	d->replays = NULL;
	http_free(d->http);
	badness_free(d->badness);
	d->badness = NULL;
out_steer:
	steer_close(d);
	replays_free(d->replays);
	d->replays = NULL;
	nodes_free(d->nodes);
	d->nodes = NULL;
out_kernel:
	/* jobs hold what is frozen, and thaw it: they end while the module is known */
	jobs_free(d->jobs);
	d->jobs = NULL;
	kernel_free(d->kernel);
out_settler:
	settler_free(d->settler);
out_jobs:
	jobs_free(d->jobs);
	control_close(d);
out_bases:
	bases_free(d->bases);
out_leases:
	leases_free(d->leases);
out_engine:
	engine_free(d->engine);
out_auth:
	auth_free(d->auth);
	tls_free(d->tls);
	event_base_free(d->events);
	return code;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct daemon daemon = { 0 };
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (read_config(&options, &daemon.config))
		return FAILED;
	if (options.check)
		return DONE;
	log_init(daemon.config.log_level);
	/* give the large arrays of a job back when it ends: we are overhead ourselves */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	return run(&daemon);
}
