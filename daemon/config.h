/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * medesd.conf.
 */
#ifndef MEDESD_CONFIG_H
#define MEDESD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include "medes.h"
#include "policy.h"

#define CONFIG_LONG_TEXT 4096
#define CONFIG_TEXT 108			/* as long as a unix socket's path may be */

#define CONFIG_NODES 64
#define CONFIG_NODE_NAME_MAX 40
#define CONFIG_NODE_PORT 7171		/* of medesd, for other nodes */
#define CONFIG_PROTOCOL 2		/* between daemons: 1 knows no controller */

/* [Node NAME] */
struct config_node {
	char name[MEDES_NAME_SIZE];
	char address[46];		/* a number, of IPv4 or IPv6 */
	unsigned int port;
	unsigned int rdma_port;		/* 0: that of [Cluster] */
};

struct config {
	/* [Daemon] */
	char socket[CONFIG_TEXT];
	char state[CONFIG_TEXT];	/* directory */
	unsigned int log_level;		/* LOG_ERR..LOG_DEBUG */
	/* [Http] */
	char listen[CONFIG_TEXT];	/* address:port; empty: the unix socket only */
	char tokens[CONFIG_TEXT];	/* file */
	unsigned int max_body;		/* bytes */
	unsigned int max_header;	/* bytes */
	unsigned int max_connections;
	unsigned int max_streams;	/* readers of events */
	unsigned int timeout;		/* ms */
	/* [Functions] */
	char user[CONFIG_TEXT];
	char cgroup[CONFIG_TEXT];	/* empty: beside our own */
	unsigned int port_first, port_last;
	bool namespaces;
	bool private_tmp;
	bool keep_on_exit;
	bool ebpf;			/* watch by it, if possible */
	unsigned int quiet;		/* ms of a second that a box may run, and rests */
	unsigned int invoke_body;	/* bytes */
	unsigned int invoke_answer;	/* bytes */
	unsigned int max_calls;
	unsigned int max_sandboxes;
	/* [Memory] */
	unsigned int capacity;		/* MiB; 0: no limit */
	unsigned int floor;		/* MiB that must stay available */
	unsigned int assumed;		/* MiB of a new function's sandbox */
	unsigned int max_dedup_starts;
	/* [Policy] */
	const struct policy_ops *policy;
	struct policy_params params;
	/* [Registry] */
	unsigned int pages_per_hash;
	bool valkey;			/* the engine; else this process alone */
	char valkey_servers[CONFIG_LONG_TEXT];
	char valkey_user[CONFIG_TEXT];
	char valkey_password[CONFIG_TEXT];	/* file; empty: no authentication */
	char valkey_ca[CONFIG_TEXT], valkey_cert[CONFIG_TEXT], valkey_key[CONFIG_TEXT];
	char valkey_name[CONFIG_TEXT];	/* in the servers' certificates */
	unsigned int valkey_timeout;	/* ms */
	unsigned int valkey_entries;
	unsigned int valkey_cache;	/* bytes */
	unsigned int valkey_cache_life;	/* ms */
	unsigned int valkey_import_after;	/* pages */
	/* [Dedup] */
	bool freeze;
	unsigned int freeze_timeout;	/* ms */
	unsigned int jobs;		/* at once */
	unsigned int ops_in_flight;	/* of a job */
	unsigned int huge_pages_min;
	unsigned int mode;		/* MEDES_MODE_* */
	unsigned int settle_after;	/* ms; 0: never */
	/* [Base] */
	unsigned int strong_share;	/* sketch hashes */
	bool pack;
	unsigned int witnesses;		/* sandboxes of the same function, looked at */
	/* [Cluster] */
	char cluster[CONFIG_TEXT];	/* name; empty: this node works alone */
	char node[CONFIG_TEXT];
	char cluster_key[CONFIG_TEXT];	/* file */
	unsigned int cluster_port;
	unsigned int lease;		/* ms */
	bool candidate;			/* stands for election */
	bool serve;			/* runs sandboxes */
	char controller[CONFIG_TEXT];	/* who leads, without an election */
	char peers[CONFIG_LONG_TEXT];	/* addresses, separated by spaces or commas */
	char certificates[CONFIG_TEXT];	/* directory; empty: daemons do not talk to each other */
	char cluster_listen[CONFIG_TEXT];	/* address:port, for other nodes */
	unsigned int cluster_interval;	/* ms */
	bool share;			/* let other nodes have our bases */
	unsigned int replicas;		/* nodes that hold a base which others read */
	unsigned int protocol;		/* between daemons, the highest that is spoken */
	unsigned int promote;		/* records, from which on an imported base is copied */
	struct config_node nodes[CONFIG_NODES];
	unsigned int n_nodes;
};

void config_default(struct config *config);
int config_check_registry(const struct config *config, char *error, size_t size);
int config_read_password(const char *path, char *out, size_t room, char *error, size_t size);
int config_load(struct config *config, const char *path, char *error, size_t size);

#endif /* MEDESD_CONFIG_H */
