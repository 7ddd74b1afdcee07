// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl status: what medesd is doing, and whether the registry it asks answers.
 */
#include "client.h"
#include "print.h"

#define COMMON \
	{ "medesd", "version", TEXT }, \
	{ "module", "module", TEXT }, \
	{ "functions", "functions", COUNT }, \
	{ "sandboxes", "sandboxes", COUNT }, \
	{ "watched", "watching.sandboxes", COUNT }, \
	{ "watched by", "watching.source", TEXT }, \
	{ "not by eBPF, since", "watching.why", TEXT }, \
	{ "bases in the registry", "registry.bases", COUNT }, \
	{ "their pages", "registry.pages", COUNT }, \
	{ "memory of the registry", "registry.bytes", BYTES }, \
	{ "its engine", "registry.engine.engine", TEXT },

static const struct column alone[] = {
	COMMON
	{ "leader", "cluster.leader", TEXT },
	{ NULL, NULL, TEXT },
};

static const struct column shared[] = {
	COMMON
	{ "engine: state", "registry.engine.state", TEXT },
	{ "engine: last error", "registry.engine.error", TEXT },
	{ "engine: servers", "registry.engine.servers", COUNT },
	{ "engine: connected", "registry.engine.servers_ready", COUNT },
	{ "engine: breaker", "registry.engine.breaker", TEXT },
	{ "engine: opened", "registry.engine.breakers_opened", COUNT },
	{ "engine: commands", "registry.engine.requests", COUNT },
	{ "engine: time-outs", "registry.engine.timeouts", COUNT },
	{ "engine: failed", "registry.engine.failures", COUNT },
	{ "engine: without server", "registry.engine.refused", COUNT },
	{ "engine: cache", "registry.engine.cache_bytes", BYTES },
	{ "engine: bases", "registry.engine.shared_bases", COUNT },
	{ "hashes asked for", "registry.engine.counts.hashes", COUNT },
	{ "in the cache", "registry.engine.counts.cached", COUNT },
	{ "found", "registry.engine.counts.hits", COUNT },
	{ "not answered", "registry.engine.counts.unanswered", COUNT },
	{ "hashes entered", "registry.engine.counts.entered", COUNT },
	{ "leader", "cluster.leader", TEXT },
	{ "its epoch", "cluster.epoch", COUNT },
	{ "epoch obeyed", "cluster.obeyed_epoch", COUNT },
	{ NULL, NULL, TEXT },
};

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = client_call(args, "GET", NULL, "/v1/status");
	json_t *engine = json_object_get(json_object_get(answer, "registry"), "engine");
	const struct view view = { .columns = json_object_get(engine, "state") ? shared : alone };

	(void)names, (void)n;
	return answer ? print(args, answer, &view) : FAILED;
}

const struct command status_commands[] = {
	{ "status", NULL, "", "what medesd does, and how its registry is", 0, 0, 0, 0, show },
	{ .object = NULL },
};
