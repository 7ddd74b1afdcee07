// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl peer: the nodes that this one reads bases of.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "link.h"
#include "peer.h"
#include "print.h"

static const struct view list_view = {
	.list = "peers",
	.nothing = "no peers; add one with: medesctl peer add ADDRESS",
	.columns = (const struct column[]) {
		{ "ID", "id", COUNT },
		{ "ADDRESS", "address", TEXT },
		{ "PORT", "port", COUNT },
		{ "NAME", "name", TEXT },
		{ "STATE", "state", TEXT },
		{ "CONNECTS", "connects", COUNT },
		{ "READS", "reads", COUNT },
		{ "PAGES", "pages", COUNT },
		{ "FAILURES", "failures", COUNT },
		{ "TIME", "batch_ns", SPAN_NS },
		{ "LAST ERROR", "error", TEXT },
		{ NULL, NULL, TEXT },
	},
};

/**
 * parse_port() - a port number
 * @text: as the user wrote it
 * @port: receives it
 *
 * Return: 0, or -EINVAL after a complaint.
 */
int parse_port(const char *text, uint16_t *port)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !value || value > UINT16_MAX) {
		complain("\"%s\" is no port; want 1 to %u", text, UINT16_MAX);
		return -EINVAL;
	}
	*port = value;
	return 0;
}

static size_t parse_address(const char *text, uint8_t address[16])
{
	if (inet_pton(AF_INET, text, address) == 1)
		return 4;
	return inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
}

static bool is_named(const struct medes_peer *peer, const char *name)
{
	uint8_t address[16];
	size_t len = parse_address(name, address);
	char *end;
	unsigned long id = strtoul(name, &end, 10);

	if (len)
		return len == peer->address_len && !memcmp(address, peer->address, len);
	if (*name >= '0' && *name <= '9' && !*end)
		return id == peer->id;
	return !strcmp(name, peer->name);
}

/**
 * peer_find() - the peer that is meant
 * @nl: the socket
 * @name: id, address or name
 * @peer: receives it
 *
 * Return: 0, or a negative errno after a complaint.
 */
int peer_find(struct medes_nl *nl, const char *name, struct medes_peer *peer)
{
	struct medes_peers list;
	size_t i, found = 0;
	int err = medes_peer_list(nl, &list);

	if (err) {
		complain("%s", nl->error);
		return err;
	}
	for (i = 0; i < list.n; i++) {
		if (!is_named(&list.v[i], name))
			continue;
		*peer = list.v[i];
		found++;
	}
	medes_peers_clear(&list);
	if (found == 1)
		return 0;
	complain(found ? "\"%s\" may be several peers: give its id" : "no peer is called \"%s\"",
		 name);
	return -ENOENT;
}

static enum exit_code add(const struct args *args, const char *const *names, size_t n)
{
	enum exit_code code = FAILED;
	struct medes_peer peer;
	uint8_t address[16];
	struct medes_nl *nl;
	uint16_t port = 0;
	size_t len = parse_address(names[0], address);

	(void)n;
	if (!len) {
		complain("\"%s\" is no address of IPv4 or IPv6", names[0]);
		return USAGE;
	}
	if (args->port && parse_port(args->port, &port))
		return USAGE;
	nl = link_open();
	if (!nl)
		return FAILED;
	if (medes_peer_new(nl, address, len, port, &peer)) {
		complain("%s", nl->error);
	} else {
		print_line(args, medes_json_peer(&peer), "peer %" PRIu32 " added", peer.id);
		code = DONE;
	}
	link_close(nl);
	return code;
}

static enum exit_code remove_one(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_peer peer;

	(void)n;
	if (!nl)
		return FAILED;
	if (!peer_find(nl, names[0], &peer)) {
		if (medes_peer_del(nl, peer.id)) {
			complain("%s", nl->error);
		} else {
			print_line(args, NULL, "peer %s removed", names[0]);
			code = DONE;
		}
	}
	link_close(nl);
	return code;
}

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_peers peers;
	json_t *array;
	size_t i;

	(void)names, (void)n;
	if (!nl)
		return FAILED;
	if (medes_peer_list(nl, &peers)) {
		complain("%s", nl->error);
	} else {
		array = json_array();
		for (i = 0; i < peers.n; i++)
			json_array_append_new(array, medes_json_peer(&peers.v[i]));
		code = print(args, json_pack("{s:o}", "peers", array), &list_view);
		medes_peers_clear(&peers);
	}
	link_close(nl);
	return code;
}

const struct command peer_commands[] = {
	{ "peer", "add", "ADDRESS [--port PORT]", "know a node, to read its bases",
	  OPT_PORT, 0, 1, 1, add },
	{ "peer", "list", "", "all nodes that are known, and what was read from them",
	  0, 0, 0, 0, list },
	{ "peer", "remove", "PEER", "forget a node that no base is imported from",
	  0, 0, 1, 1, remove_one },
	{ .object = NULL },
};
