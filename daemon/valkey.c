// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A Valkey cluster: settings, beginning, end.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "log.h"
#include "valkey_parts.h"

#define TICK_MS 50

uint64_t valkey_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct valkey *v = arg;

	(void)fd, (void)what;
	topology_tick(&v->topology, valkey_now());
}

static void on_ready(void *arg)
{
	struct valkey *v = arg;

	topology_stale(&v->topology, valkey_now());
	topology_tick(&v->topology, valkey_now());
}

static void on_down(const char *why, void *arg)
{
	struct valkey *v = arg;

	log_warning("Valkey: %s", why);
	valkey_note(v, why);
	topology_stale(&v->topology, valkey_now());
}

/* Calls fn for each; false as soon as it says so, or when one is no address. */
static bool each_server(const char *servers, bool (*fn)(void *arg, const char *host, uint16_t port),
			void *arg, char *error, size_t size)
{
	char text[SLOT_HOST + 8], host[SLOT_HOST];
	unsigned char address[sizeof(struct in6_addr)];
	uint16_t port;
	size_t len;

	for (;; servers += len) {
		servers += strspn(servers, " \t,");
		len = strcspn(servers, " \t,");
		if (!len)
			return true;
		snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : 0), servers);
		if (!slot_address(text, host, &port) ||
		    (inet_pton(AF_INET, host, address) != 1 &&
		     inet_pton(AF_INET6, host, address) != 1)) {
			snprintf(error, size, "\"%.*s\": want ADDRESS:PORT with a numeric address (looking up a name would hold everything up)",
				 (int)(len < 80 ? len : 80), servers);
			return false;
		}
		if (fn && !fn(arg, host, port)) {
			snprintf(error, size, "no memory");
			return false;
		}
	}
}

/**
 * valkey_good_servers() - is this a list of servers
 * @servers: to be looked at
 * @error: receives what is wrong
 * @size: of @error
 */
bool valkey_good_servers(const char *servers, char *error, size_t size)
{
	return each_server(servers, NULL, NULL, error, size);
}

static bool add_seed(void *arg, const char *host, uint16_t port)
{
	return topology_seed(arg, host, port);
}

static void set_common(struct valkey *v, struct event_base *events,
		       const struct valkey_settings *settings)
{
	snprintf(v->user, sizeof(v->user), "%s", settings->user);
	snprintf(v->password, sizeof(v->password), "%s", settings->password);
	snprintf(v->name, sizeof(v->name), "%s", settings->name);
	v->timeout = (struct timeval){
		.tv_sec = settings->timeout / 1000, .tv_usec = settings->timeout % 1000 * 1000,
	};
	v->topology.common = (struct server_common){
		.events = events, .user = v->user, .password = v->password, .name = v->name,
		.timeout = settings->timeout, .ready = on_ready, .down = on_down, .arg = v,
		.taker = valkey_on_reply, .part = valkey_on_part,
	};
}

/**
 * valkey_new() - begin to connect
 * @events: the event loop
 * @settings: copied
 * @error: receives what is wrong
 * @size: of @error
 *
 * Return: the cluster, or NULL when the settings are no good. That nobody answers is
 * no reason.
 */
struct valkey *valkey_new(struct event_base *events, const struct valkey_settings *settings,
			  char *error, size_t size)
{
	const struct timeval tick = { .tv_usec = TICK_MS * 1000 };
	struct valkey *v = calloc(1, sizeof(*v));

	snprintf(error, size, "no memory");
	if (!v)
		return NULL;
	TAILQ_INIT(&v->topology.servers);
	TAILQ_INIT(&v->requests);
	set_common(v, events, settings);
	if (*settings->ca) {
		v->topology.common.tls = server_tls_new(settings->ca, settings->cert, settings->key,
							error, size);
		if (!v->topology.common.tls)
			goto err;
	}
	if (!each_server(settings->servers, add_seed, &v->topology, error, size))
		goto err;
	v->tick = event_new(events, -1, EV_PERSIST, on_tick, v);
	if (!v->tick || event_add(v->tick, &tick))
		goto err;
	return v;

err:
	valkey_free(v);
	return NULL;
}

/**
 * valkey_flush() - write out what was sent, as far as that does not block
 * @v: the cluster, about to be freed
 */
void valkey_flush(struct valkey *v)
{
	struct server *s;

	TAILQ_FOREACH(s, &v->topology.servers, link)
		server_flush(s);
}

void valkey_stats(const struct valkey *v, struct valkey_stats *out)
{
	const struct server *s;

	*out = v->stats;
	TAILQ_FOREACH(s, &v->topology.servers, link) {
		out->opened += s->breaker.opened;
		if (!s->primary)
			continue;
		out->servers++;
		out->ready += s->state == SERVER_READY;
		out->open += s->breaker.state != BREAKER_CLOSED;
	}
}

/**
 * valkey_free() - end all
 * @v: the cluster, or NULL; no fn is called any more
 */
void valkey_free(struct valkey *v)
{
	struct valkey_request *r;

	if (!v)
		return;
	v->closing = true;
	TAILQ_FOREACH(r, &v->requests, link)
		r->fn = NULL;
	topology_free(&v->topology);
	while ((r = TAILQ_FIRST(&v->requests)))
		valkey_request_free(r);
	server_tls_free(v->topology.common.tls);
	if (v->tick)
		event_free(v->tick);
	free(v);
}
