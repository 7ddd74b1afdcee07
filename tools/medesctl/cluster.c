// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl cluster: which cluster this node belongs to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "link.h"
#include "peer.h"
#include "print.h"
#include "share.h"

static const struct view view = {
	.columns = (const struct column[]) {
		{ "cluster", "name", TEXT },
		{ "this node", "node", TEXT },
		{ "node id", "node_id", TEXT },
		{ "RDMA CM port", "port", COUNT },
		{ "RDMA devices", "devices", COUNT },
		{ "refused for their version", "refused_version", COUNT },
		{ "refused for their cluster", "refused_cluster", COUNT },
		{ "refused for their key", "refused_key", COUNT },
		{ "refused for their token", "refused_token", COUNT },
		{ "refused as malformed", "refused_malformed", COUNT },
		{ NULL, NULL, TEXT },
	},
};

/* All bytes of a file; return how many, or -1 after a complaint. */
static ssize_t read_key(const char *path, unsigned char key[MEDES_KEY_MAX + 1])
{
	FILE *file = fopen(path, "r");
	size_t n;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	n = fread(key, 1, MEDES_KEY_MAX + 1, file);
	fclose(file);
	if (n >= MEDES_KEY_MIN && n <= MEDES_KEY_MAX)
		return n;
	complain("%s: a key has %d to %d bytes; make one with: head -c 32 /dev/urandom", path,
		 MEDES_KEY_MIN, MEDES_KEY_MAX);
	return -1;
}

static enum exit_code join(const struct args *args, const char *const *names, size_t n)
{
	unsigned char key[MEDES_KEY_MAX + 1];
	enum exit_code code = FAILED;
	struct medes_nl *nl;
	uint16_t port = 0;
	ssize_t len;

	(void)n;
	if (args->port && parse_port(args->port, &port))
		return USAGE;
	len = read_key(args->key, key);
	if (len < 0)
		return FAILED;
	nl = link_open();
	if (!nl)
		return FAILED;
	if (medes_cluster_set(nl, names[0], names[1], key, len, port)) {
		complain("%s", nl->error);
	} else {
		print_line(args, NULL, "this node, %s, is in the cluster %s", names[1], names[0]);
		code = DONE;
	}
	explicit_bzero(key, sizeof(key));
	link_close(nl);
	return code;
}

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_cluster cluster;

	(void)names, (void)n;
	if (!nl)
		return FAILED;
	if (medes_cluster_get(nl, &cluster))
		complain("%s", nl->error);
	else
		code = print(args, medes_json_cluster(&cluster), &view);
	if (code == DONE && !cluster.devices && !args->json)
		puts("no RDMA device: this node works alone");
	link_close(nl);
	return code;
}

const struct command cluster_commands[] = {
	{
		"cluster", "join", "CLUSTER NODE --key FILE [--port PORT]",
		"belong to a cluster, as node NODE; before there is a sandbox or a base",
		OPT_KEY | OPT_PORT, OPT_KEY, 2, 2, join,
	},
	{ "cluster", "show", "", "the cluster, and who was refused", 0, 0, 0, 0, show },
	{ .object = NULL },
};
