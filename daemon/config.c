// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file: systemd's form, read by inih.
 *
 * One table says which keys there are, what they may hold and where they go.
 * Anything else in the file is refused with its line, because a misspelt key
 * that is silently ignored is found only when it matters.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include "config.h"
#include "medes.h"
#include "registry.h"
#include "text.h"
#include "units.h"
#include "witness.h"

#define NODE_SECTION "Node "

enum type { PATH, TEXT, LONG_TEXT, NUMBER, BYTES, MEBIBYTES, TIME, SWITCH, LEVEL, MODE, ENGINE };

struct key {
	const char *section;
	const char *name;
	enum type type;
	size_t offset;
	unsigned long min;
	unsigned long max;
};

#define AT(member) offsetof(struct config, member)

static const struct key keys[] = {
	{ "Daemon", "Socket", PATH, AT(socket), 0, 0 },
	{ "Daemon", "State", PATH, AT(state), 0, 0 },
	{ "Daemon", "LogLevel", LEVEL, AT(log_level), 0, 0 },
	{ "Http", "Listen", TEXT, AT(listen), 0, 0 },
	{ "Http", "Tokens", PATH, AT(tokens), 0, 0 },
	{ "Http", "MaxConnections", NUMBER, AT(max_connections), 1, 1 << 20 },
	{ "Http", "MaxStreams", NUMBER, AT(max_streams), 0, 1 << 20 },
	{ "Http", "MaxBody", BYTES, AT(max_body), 1024, 16 << 20 },
	{ "Http", "MaxHeader", BYTES, AT(max_header), 512, 1 << 20 },
	{ "Http", "Timeout", TIME, AT(timeout), 100, 600000 },
	{ "Functions", "User", TEXT, AT(user), 0, 0 },
	{ "Functions", "Cgroup", TEXT, AT(cgroup), 0, 0 },
	{ "Functions", "FirstPort", NUMBER, AT(port_first), 1024, 65535 },
	{ "Functions", "LastPort", NUMBER, AT(port_last), 1024, 65535 },
	{ "Functions", "Namespaces", SWITCH, AT(namespaces), 0, 0 },
	{ "Functions", "PrivateTmp", SWITCH, AT(private_tmp), 0, 0 },
	{ "Functions", "KeepOnExit", SWITCH, AT(keep_on_exit), 0, 0 },
	{ "Functions", "MaxBody", BYTES, AT(invoke_body), 0, 256 << 20 },
	{ "Functions", "MaxAnswer", BYTES, AT(invoke_answer), 1024, 256 << 20 },
	{ "Functions", "MaxCalls", NUMBER, AT(max_calls), 1, 1 << 20 },
	{ "Functions", "Ebpf", SWITCH, AT(ebpf), 0, 0 },
	{ "Functions", "Quiet", TIME, AT(quiet), 0, 1000 },
	{ "Functions", "MaxSandboxes", NUMBER, AT(max_sandboxes), 1, 1 << 20 },
	{ "Memory", "Capacity", MEBIBYTES, AT(capacity), 0, 1 << 30 },
	{ "Memory", "Floor", MEBIBYTES, AT(floor), 0, 1 << 30 },
	{ "Memory", "Assumed", MEBIBYTES, AT(assumed), 1, 1 << 20 },
	{ "Memory", "MaxDedupStarts", NUMBER, AT(max_dedup_starts), 1, 10000 },
	{ "Registry", "PagesPerHash", NUMBER, AT(pages_per_hash), 1, REGISTRY_PAGES_MAX },
	{ "Registry", "Engine", ENGINE, AT(valkey), 0, 0 },
	{ "Registry", "Servers", LONG_TEXT, AT(valkey_servers), 0, 0 },
	{ "Registry", "User", TEXT, AT(valkey_user), 0, 0 },
	{ "Registry", "PasswordFile", PATH, AT(valkey_password), 0, 0 },
	{ "Registry", "TlsAuthority", PATH, AT(valkey_ca), 0, 0 },
	{ "Registry", "TlsCertificate", PATH, AT(valkey_cert), 0, 0 },
	{ "Registry", "TlsKey", PATH, AT(valkey_key), 0, 0 },
	{ "Registry", "TlsName", TEXT, AT(valkey_name), 0, 0 },
	{ "Registry", "Timeout", TIME, AT(valkey_timeout), 10, 10000 },
	{ "Registry", "Entries", NUMBER, AT(valkey_entries), 1 << 16, UINT32_MAX },
	{ "Registry", "Cache", BYTES, AT(valkey_cache), 0, 1 << 30 },
	{ "Registry", "CacheTime", TIME, AT(valkey_cache_life), 0, 3600000 },
	{ "Registry", "ImportAfter", NUMBER, AT(valkey_import_after), 0, 1 << 30 },
	{ "Dedup", "Freeze", SWITCH, AT(freeze), 0, 0 },
	{ "Dedup", "FreezeTimeout", TIME, AT(freeze_timeout), 10, 60000 },
	{ "Dedup", "Jobs", NUMBER, AT(jobs), 1, 64 },
	{ "Dedup", "OpsInFlight", NUMBER, AT(ops_in_flight), 1, 16 },
	{ "Dedup", "HugePagesMin", NUMBER, AT(huge_pages_min), 0, 512 },
	{ "Dedup", "Mode", MODE, AT(mode), 0, 0 },
	{ "Dedup", "SettleAfter", TIME, AT(settle_after), 0, 86400000 },
	{ "Base", "StrongShare", NUMBER, AT(strong_share), 1, 9 },
	{ "Base", "Pack", SWITCH, AT(pack), 0, 0 },
	{ "Base", "Witnesses", NUMBER, AT(witnesses), 0, WITNESSES_MAX },
	{ "Cluster", "Name", TEXT, AT(cluster), 0, 0 },
	{ "Cluster", "Node", TEXT, AT(node), 0, 0 },
	{ "Cluster", "Key", PATH, AT(cluster_key), 0, 0 },
	{ "Cluster", "Port", NUMBER, AT(cluster_port), 1, 65535 },
	{ "Cluster", "Lease", TIME, AT(lease), 1000, 600000 },
	{ "Cluster", "Candidate", SWITCH, AT(candidate), 0, 0 },
	{ "Cluster", "Serve", SWITCH, AT(serve), 0, 0 },
	{ "Cluster", "Controller", TEXT, AT(controller), 0, 0 },
	{ "Cluster", "Peers", LONG_TEXT, AT(peers), 0, 0 },
	{ "Cluster", "Certificates", PATH, AT(certificates), 0, 0 },
	{ "Cluster", "Listen", TEXT, AT(cluster_listen), 0, 0 },
	{ "Cluster", "Interval", TIME, AT(cluster_interval), 100, 60000 },
	{ "Cluster", "Share", SWITCH, AT(share), 0, 0 },
	{ "Cluster", "Replicas", NUMBER, AT(replicas), 1, MEDES_REPLICAS_MAX },
	{ "Cluster", "Protocol", NUMBER, AT(protocol), 1, CONFIG_PROTOCOL },
	{ "Cluster", "Promote", NUMBER, AT(promote), 0, 1 << 30 },
};

static const char *const levels[] = {
	[LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

struct parsing {
	struct config *config;
	char error[256];
};

/**
 * config_default() - what holds when the file says nothing
 * @config: filled in
 */
void config_default(struct config *config)
{
	*config = (struct config){
		.socket = MEDES_SOCKET,
		.log_level = LOG_INFO,
		.max_body = 64 << 10,
		.max_header = 8 << 10,
		.max_connections = 4096,
		.max_streams = 16,
		.timeout = 30000,
		.state = MEDES_STATE,
		.user = "nobody",
		.port_first = 20000,
		.port_last = 29999,
		.namespaces = true,
		.private_tmp = true,
		.ebpf = true,
		.quiet = 5,
		.invoke_body = 6 << 20,
		.invoke_answer = 6 << 20,
		.max_calls = 1000,
		.max_sandboxes = 1000,
		.floor = 64,
		.assumed = 64,
		.max_dedup_starts = 10,
		.policy = &policy_medes,
		.pages_per_hash = 16,
		.valkey_timeout = 100,
		.valkey_entries = 16 << 20,
		.valkey_cache = 16 << 20,
		.valkey_cache_life = 30000,
		.valkey_import_after = 256,
		.freeze = true,
		.freeze_timeout = 2000,
		.jobs = 2,
		.ops_in_flight = 4,
		.huge_pages_min = 64,
		.mode = MEDES_MODE_FAST,
		.settle_after = 300000,
		.strong_share = 3,
		.pack = false,
		.witnesses = 2,
		.cluster_port = MEDES_PORT,
		.cluster_interval = 2000,
		.share = true,
		.replicas = 2,
		.protocol = CONFIG_PROTOCOL,
		.lease = 10000,
		.candidate = true,
		.serve = true,
	};
	policy_params_default(&config->params);
}

static int set_number(struct parsing *p, const struct key *key, const char *value,
		      unsigned int *out)
{
	static const char *const forms[] = {
		[NUMBER] = "a number", [BYTES] = "a size in bytes, or with K or M",
		[MEBIBYTES] = "a size with M, G or T", [TIME] = "a time with ms or s",
	};
	static const struct unit *const units[] = {
		[NUMBER] = units_none, [BYTES] = units_bytes, [MEBIBYTES] = units_mebibytes,
		[TIME] = units_milliseconds,
	};
	double n = units_parse(value, units[key->type], true);

	if (!(n >= key->min && n <= key->max)) {
		snprintf(p->error, sizeof(p->error), "%s=%.64s: want %s, %lu to %lu%s", key->name,
			 value, forms[key->type], key->min, key->max,
			 key->type == TIME ? " ms" : key->type == BYTES ? " bytes" :
			 key->type == MEBIBYTES ? " MiB" : "");
		return -EINVAL;
	}
	*out = n;
	return 0;
}

static int set_switch(struct parsing *p, const struct key *key, const char *value, bool *out)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true", "0", "1" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(value, words[i]))
			continue;
		*out = i & 1;
		return 0;
	}
	snprintf(p->error, sizeof(p->error), "%s=%.64s: want yes or no", key->name, value);
	return -EINVAL;
}

static int set_level(struct parsing *p, const struct key *key, const char *value,
		     unsigned int *out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!levels[i] || strcmp(value, levels[i]))
			continue;
		*out = i;
		return 0;
	}
	snprintf(p->error, sizeof(p->error),
		 "%s=%.64s: want error, warning, notice, info or debug", key->name, value);
	return -EINVAL;
}

static int set_mode(struct parsing *p, const struct key *key, const char *value, unsigned int *out)
{
	unsigned int i;

	for (i = 0; i <= MEDES_MODE_MAX; i++) {
		if (strcmp(value, medes_mode_name(i)))
			continue;
		*out = i;
		return 0;
	}
	snprintf(p->error, sizeof(p->error), "%s=%.64s: want fast or dense", key->name, value);
	return -EINVAL;
}

static int set_engine(struct parsing *p, const struct key *key, const char *value, bool *valkey)
{
	*valkey = !strcmp(value, "valkey");
	if (*valkey || !strcmp(value, "local"))
		return 0;
	snprintf(p->error, sizeof(p->error), "%s=%.64s: want local or valkey", key->name, value);
	return -EINVAL;
}

static int set_path(struct parsing *p, const struct key *key, const char *value, char *out)
{
	if (*value != '/' || strlen(value) >= sizeof(p->config->socket)) {
		snprintf(p->error, sizeof(p->error),
			 "%s=%.64s: want an absolute path of at most %zu characters", key->name,
			 value, sizeof(p->config->socket) - 1);
		return -EINVAL;
	}
	strcpy(out, value);
	return 0;
}

static int set_text(struct parsing *p, const struct key *key, const char *value, char *out)
{
	if (strlen(value) >= CONFIG_TEXT) {
		snprintf(p->error, sizeof(p->error), "%s=%.64s: want at most %d characters",
			 key->name, value, CONFIG_TEXT - 1);
		return -EINVAL;
	}
	strcpy(out, value);
	return 0;
}

/* One that does not fit into a line goes on in the next, or in another of the same name. */
static int add_text(struct parsing *p, const struct key *key, const char *value, char *out)
{
	size_t len = strlen(out);

	if (len + strlen(value) + 2 > CONFIG_LONG_TEXT) {
		snprintf(p->error, sizeof(p->error), "%s: want at most %d characters", key->name,
			 CONFIG_LONG_TEXT - 2);
		return -EINVAL;
	}
	sprintf(out + len, "%s%s", len ? " " : "", value);
	return 0;
}

/* The policy's own table says which parameters there are. */
static int set_policy(struct parsing *p, const char *name, const char *value)
{
	const struct policy_ops *ops;
	char why[200];

	if (strcmp(name, "Policy")) {
		if (!policy_params_set(&p->config->params, name, value, why, sizeof(why)))
			return 0;
		snprintf(p->error, sizeof(p->error), "[Policy] %s", why);
		return -EINVAL;
	}
	ops = policy_find(value);
	if (ops)
		p->config->policy = ops;
	else
		snprintf(p->error, sizeof(p->error), "Policy=%.64s: there are %s", value,
			 policy_names());
	return ops ? 0 : -EINVAL;
}

static int set(struct parsing *p, const struct key *key, const char *value)
{
	void *to = (char *)p->config + key->offset;

	switch (key->type) {
	case PATH:
		return set_path(p, key, value, to);
	case TEXT:
		return set_text(p, key, value, to);
	case LONG_TEXT:
		return add_text(p, key, value, to);
	case SWITCH:
		return set_switch(p, key, value, to);
	case LEVEL:
		return set_level(p, key, value, to);
	case MODE:
		return set_mode(p, key, value, to);
	case ENGINE:
		return set_engine(p, key, value, to);
	default:
		return set_number(p, key, value, to);
	}
}

/* The node of a section, entered if it is new. */
static struct config_node *node_of(struct parsing *p, const char *name)
{
	struct config *config = p->config;
	struct config_node *node;

	for (node = config->nodes; node < config->nodes + config->n_nodes; node++)
		if (!strcmp(node->name, name))
			return node;
	/* inih cuts off longer ones */
	if (!medes_name_valid(name) || strlen(name) > CONFIG_NODE_NAME_MAX) {
		snprintf(p->error, sizeof(p->error),
			 "[Node %.64s]: want a name of at most %d characters", name,
			 CONFIG_NODE_NAME_MAX);
		return NULL;
	}
	if (config->n_nodes == CONFIG_NODES) {
		snprintf(p->error, sizeof(p->error), "[Node %.64s]: want at most %d nodes", name,
			 CONFIG_NODES);
		return NULL;
	}
	config->n_nodes++;
	*node = (struct config_node){ .port = CONFIG_NODE_PORT };
	strcpy(node->name, name);
	return node;
}

static int set_node(struct parsing *p, const char *section, const char *name, const char *value)
{
	static const struct key port = { .type = NUMBER, .min = 1, .max = 65535 };
	struct config_node *node = node_of(p, section + strlen(NODE_SECTION));
	struct key named = port;
	uint8_t address[16];

	if (!node)
		return -EINVAL;
	named.name = name;
	if (!strcmp(name, "Port"))
		return set_number(p, &named, value, &node->port);
	if (!strcmp(name, "RdmaPort"))
		return set_number(p, &named, value, &node->rdma_port);
	if (strcmp(name, "Address")) {
		snprintf(p->error, sizeof(p->error),
			 "unknown key \"%.40s\" in section [%.64s]; known: Address Port RdmaPort",
			 name, section);
		return -EINVAL;
	}
	if (inet_pton(AF_INET, value, address) != 1 && inet_pton(AF_INET6, value, address) != 1) {
		snprintf(p->error, sizeof(p->error), "Address=%.64s: want an address of IPv4 or IPv6",
			 value);
		return -EINVAL;
	}
	strcpy(node->address, value);
	return 0;
}

static void unknown(struct parsing *p, const char *section, const char *name)
{
	size_t len, i;

	snprintf(p->error, sizeof(p->error), "unknown key \"%.40s\" in section [%.40s]; known:",
		 name, section);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		len = strlen(p->error);
		if (!strcmp(keys[i].section, section))
			snprintf(p->error + len, sizeof(p->error) - len, " %s", keys[i].name);
	}
	if (p->error[strlen(p->error) - 1] == ':')
		snprintf(p->error, sizeof(p->error),
			 "unknown section [%.40s]; known: Daemon, Http, Functions, Memory, Policy, Registry, Dedup, Base, Cluster, Node NAME",
			 section);
}

/* inih's: 1 accepted, 0 refused. The first complaint is the one that is told. */
static int on_line(void *arg, const char *section, const char *name, const char *value)
{
	struct parsing *p = arg;
	size_t i;

	if (p->error[0])
		return 0;
	if (!strcmp(section, "Policy"))
		return !set_policy(p, name, value);
	if (!strncmp(section, NODE_SECTION, strlen(NODE_SECTION)))
		return !set_node(p, section, name, value);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return !set(p, &keys[i], value);
	unknown(p, section, name);
	return 0;
}

/* What is good by itself, but not together. */
static bool disagree(const struct config *new, char *why, size_t size)
{
	unsigned int i;

	why[0] = '\0';
	if (new->port_last < new->port_first)
		snprintf(why, size, "LastPort=%u is below FirstPort=%u", new->port_last, new->port_first);
	if (new->cluster[0] && (!new->node[0] || !new->cluster_key[0]))
		snprintf(why, size, "[Cluster] Name=%s needs Node and Key", new->cluster);
	if (new->certificates[0] && !new->cluster[0])
		snprintf(why, size, "[Cluster] Certificates needs Name, Node and Key");
	if (new->cluster[0] && (!medes_name_valid(new->cluster) || !medes_name_valid(new->node)))
		snprintf(why, size,
			 "[Cluster] Name and Node: want 1 to %u letters, digits and ._:@+-, the first no . or -",
			 MEDES_NAME_MAX);
	if (new->cluster_listen[0] && !new->certificates[0])
		snprintf(why, size, "[Cluster] Listen needs Certificates; medesctl cluster init makes them");
	for (i = 0; i < new->n_nodes; i++)
		if (!new->nodes[i].address[0])
			snprintf(why, size, "[Node %s] needs Address", new->nodes[i].name);
	return why[0];
}

/**
 * config_load() - read a configuration file
 * @config: holds the defaults; changed only when the whole file is good
 * @path: the file
 * @error: receives file, line and reason
 * @size: of @error, bytes
 *
 * Return: 0, -ENOENT when there is no such file, another negative errno.
 */
int config_load(struct config *config, const char *path, char *error, size_t size)
{
	struct config new = *config;
	struct parsing p = { .config = &new };
	FILE *file = fopen(path, "re");
	int line, err;

	if (!file) {
		err = -errno;
		snprintf(error, size, "%s: %s", path, strerror(-err));
		return err;
	}
	line = ini_parse_file(file, on_line, &p);
	fclose(file);
	if (line) {
		snprintf(error, size, "%s:%d: %s", path, line,
			 p.error[0] ? p.error : "neither a section, a key=value nor a comment");
		return -EINVAL;
	}
	if (disagree(&new, p.error, sizeof(p.error))) {
		snprintf(error, size, "%s: %s", path, p.error);
		return -EINVAL;
	}
	if (config_check_registry(&new, p.error, sizeof(p.error))) {
		snprintf(error, size, "%s: [Registry] %s", path, p.error);
		return -EINVAL;
	}
	*config = new;
	return 0;
}
