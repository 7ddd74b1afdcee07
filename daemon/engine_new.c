// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine that the configuration asks for.
 */
#include <string.h>
#include "daemon.h"
#include "engine.h"
#include "log.h"
#include "nodes.h"
#include "remote.h"

#define POLL_MS 1000

static void on_reread(void *arg)
{
	struct daemon *d = arg;

	/* a round without anybody to tell; before the first one, that one will do */
	if (d->bases && d->learned.fn)
		bases_sync(d->bases, &d->learned);
}

static void on_want(void *arg)
{
	struct daemon *d = arg;

	sharing_soon(d->nodes);
}

static struct engine *shared_new(struct daemon *d)
{
	const struct config *c = &d->config;
	char password[512] = "", error[256];
	const struct remote_settings settings = {
		.valkey = {
			.servers = c->valkey_servers, .user = c->valkey_user,
			.password = password, .ca = c->valkey_ca, .cert = c->valkey_cert,
			.key = c->valkey_key, .name = c->valkey_name,
			.timeout = c->valkey_timeout,
		},
		.cluster = c->cluster, .node = c->node, .max_pages = c->pages_per_hash,
		.entries = c->valkey_entries, .cache_bytes = c->valkey_cache,
		.cache_life = c->valkey_cache_life, .poll = POLL_MS, .reread = on_reread,
		.import_after = c->valkey_import_after, .want = on_want, .arg = d,
	};
	struct engine *e = NULL;

	if (!*c->valkey_password ||
	    !config_read_password(c->valkey_password, password, sizeof(password), error,
				  sizeof(error)))
		e = remote_new(d->events, &settings, error, sizeof(error));
	explicit_bzero(password, sizeof(password));
	if (!e)
		log_error("[Registry] %s", error);
	return e;
}

/**
 * engine_new() - the engine of the configuration
 * @d: the daemon, with its event loop
 *
 * Return: the engine, or NULL with a line in the log.
 */
struct engine *engine_new(struct daemon *d)
{
	return d->config.valkey ? shared_new(d) : engine_local_new(d->config.pages_per_hash);
}
