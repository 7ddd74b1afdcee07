// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Has the module join the cluster that medesd.conf names and know its nodes. The rest
 * is between the kernels: connections, leases and reads go on without us, and an
 * imported base is one of those that bases.c finds.
 *
 * What fails here is said and leaves a node that works alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cluster.h"
#include "daemon.h"
#include "kernel.h"
#include "log.h"
#include "share.h"

/* All bytes of the key file; return how many, or -1 after a word in the log. */
static ssize_t read_key(const char *path, unsigned char key[MEDES_KEY_MAX + 1])
{
	FILE *file = fopen(path, "r");
	size_t n;

	if (!file) {
		log_error("[Cluster] Key=%s: %s", path, strerror(errno));
		return -1;
	}
	n = fread(key, 1, MEDES_KEY_MAX + 1, file);
	fclose(file);
	if (n >= MEDES_KEY_MIN && n <= MEDES_KEY_MAX)
		return n;
	log_error("[Cluster] Key=%s: a key has %d to %d bytes", path, MEDES_KEY_MIN, MEDES_KEY_MAX);
	return -1;
}

static int join(const struct config *config, struct medes_nl *nl)
{
	unsigned char key[MEDES_KEY_MAX + 1];
	ssize_t len = read_key(config->cluster_key, key);
	int err;

	if (len < 0)
		return -EINVAL;
	err = medes_cluster_set(nl, config->cluster, config->node, key, len, config->cluster_port);
	explicit_bzero(key, sizeof(key));
	if (err)
		log_error("cannot join the cluster %s: %s", config->cluster, nl->error);
	else
		log_notice("node %s of the cluster %s", config->node, config->cluster);
	return err;
}

static void add_peer(struct medes_nl *nl, const char *text, uint16_t port)
{
	struct medes_peer peer;
	uint8_t address[16];
	size_t len = 0;
	int err;

	if (inet_pton(AF_INET, text, address) == 1)
		len = 4;
	else if (inet_pton(AF_INET6, text, address) == 1)
		len = 16;
	if (!len) {
		log_error("[Cluster] Peers: \"%s\" is no address of IPv4 or IPv6", text);
		return;
	}
	err = medes_peer_new(nl, address, len, port, &peer);
	if (err && err != -EEXIST)
		log_error("peer %s: %s", text, nl->error);
}

/**
 * cluster_up() - a module was found: have it join
 * @d: the daemon; nothing happens when its configuration names no cluster
 */
void cluster_up(struct daemon *d)
{
	struct medes_nl *nl = kernel_nl(d->kernel);
	char peers[CONFIG_LONG_TEXT], *rest = peers, *text;

	if (!d->config.cluster[0] || join(&d->config, nl))
		return;
	strcpy(peers, d->config.peers);
	while ((text = strsep(&rest, " ,\t")))
		if (*text)
			add_peer(nl, text, d->config.cluster_port);
}
