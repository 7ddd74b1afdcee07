// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl node, base replicate: the cluster, as this node's medesd knows it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client.h"
#include "peer.h"
#include "print.h"

#define POLL_US 300000

static const struct view list_view = {
	.list = "nodes",
	.nothing = "no other nodes; add one with: medesctl node add NAME ADDRESS",
	.columns = (const struct column[]) {
		{ "NAME", "name", TEXT },
		{ "ADDRESS", "address", TEXT },
		{ "PORT", "port", COUNT },
		{ "DAEMON", "state", TEXT },
		{ "RDMA", "rdma", TEXT },
		{ "CORDONED", "cordoned", TEXT },
		{ "DRAINING", "draining", TEXT },
		{ "BASES", "bases", COUNT },
		{ "LAST ERROR", "error", TEXT },
		{ NULL, NULL, TEXT },
	},
};

static const struct view one_view = {
	.columns = (const struct column[]) {
		{ "node", "name", TEXT },
		{ "address", "address", TEXT },
		{ "port of medesd", "port", COUNT },
		{ "port of RDMA", "rdma_port", COUNT },
		{ "in medesd.conf", "configured", TEXT },
		{ "its medesd", "state", TEXT },
		{ "its kernel", "rdma", TEXT },
		{ "cordoned", "cordoned", TEXT },
		{ "draining", "draining", TEXT },
		{ "bases", "bases", COUNT },
		{ "times asked", "asked", COUNT },
		{ "without an answer", "failed", COUNT },
		{ "last error", "error", TEXT },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code add(const struct args *args, const char *const *names, size_t n)
{
	json_t *body = json_pack("{s:s}", "address", names[1]);
	char coded[3 * MEDES_NAME_SIZE];
	uint16_t port;

	(void)n;
	if (args->port) {
		if (parse_port(args->port, &port))
			goto err_usage;
		json_object_set_new(body, "port", json_integer(port));
	}
	if (args->rdma_port) {
		if (parse_port(args->rdma_port, &port))
			goto err_usage;
		json_object_set_new(body, "rdma_port", json_integer(port));
	}
	body = client_call(args, "PUT", body, "/v1/nodes/%s", client_name(coded, names[0]));
	if (!body)
		return FAILED;
	print_line(args, body, "node %s is known; there, this one has to be, too", names[0]);
	return DONE;

err_usage:
	json_decref(body);
	return USAGE;
}

static enum exit_code list(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = client_call(args, "GET", NULL, "/v1/nodes");

	(void)names, (void)n;
	return answer ? print(args, answer, &list_view) : FAILED;
}

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	char coded[3 * MEDES_NAME_SIZE];
	json_t *answer = client_call(args, "GET", NULL, "/v1/nodes/%s",
				     client_name(coded, names[0]));

	(void)n;
	return answer ? print(args, answer, &one_view) : FAILED;
}

static enum exit_code forget(const struct args *args, const char *const *names, size_t n)
{
	char coded[3 * MEDES_NAME_SIZE];
	json_t *answer = client_call(args, "DELETE", NULL, "/v1/nodes/%s%s",
				     client_name(coded, names[0]),
				     args->given & OPT_FORCE ? "?force=1" : "");
	bool configured;

	(void)n;
	if (!answer)
		return FAILED;
	configured = json_is_true(json_object_get(answer, "configured"));
	print_line(args, answer, "node %s is forgotten%s", names[0],
		   configured ? "; take it out of medesd.conf, too" : "");
	return DONE;
}

static json_t *post(const struct args *args, const char *name, const char *what)
{
	char coded[3 * MEDES_NAME_SIZE];

	return client_call(args, "POST", json_object(), "/v1/nodes/%s/%s", client_name(coded, name),
			   what);
}

static enum exit_code cordon(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = post(args, names[0], "cordon");

	(void)n;
	if (!answer)
		return FAILED;
	print_line(args, answer, "nothing new is put on node %s", names[0]);
	return DONE;
}

static enum exit_code uncordon(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = post(args, names[0], "uncordon");

	(void)n;
	if (!answer)
		return FAILED;
	print_line(args, answer, "node %s is used as any other", names[0]);
	return DONE;
}

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static enum exit_code drain(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = post(args, names[0], "drain");
	bool wait = args->given & OPT_WAIT;
	const char *why;

	(void)n;
	interrupt_catch();
	while (answer && wait && strcmp(text_of(answer, "state"), "drained") && !interrupted()) {
		json_decref(answer);
		usleep(POLL_US);
		answer = post(args, names[0], "drain");
	}
	if (!answer)
		return FAILED;
	if (!strcmp(text_of(answer, "state"), "drained")) {
		print_line(args, answer, "node %s is drained: no other node needs it", names[0]);
		return DONE;
	}
	why = text_of(answer, "why");
	if (wait) {
		complain("interrupted; node %s goes on being drained%s%s", names[0],
			 *why ? "; " : "", why);
		json_decref(answer);
		return FAILED;
	}
	print_line(args, answer, "node %s is being drained; other nodes read %lld of its bases, %lld sandboxes are to be replaced%s%s",
		   names[0], json_integer_value(json_object_get(answer, "bases_leased")),
		   json_integer_value(json_object_get(answer, "sandboxes")),
		   *why ? "; " : "", why);
	return DONE;
}

static json_t *ask_for_copy(const struct args *args, const char *base)
{
	char coded[3 * MEDES_NAME_SIZE];

	return client_call(args, "POST", json_pack("{s:s}", "to", args->to),
			   "/v1/bases/%s/replicate", client_name(coded, base));
}

static enum exit_code replicate(const struct args *args, const char *const *names, size_t n)
{
	json_t *answer = ask_for_copy(args, names[0]);
	const char *state = text_of(answer, "state");

	(void)n;
	interrupt_catch();
	while (answer && strcmp(state, "done") && strcmp(state, "failed") && !interrupted()) {
		progress_show(state, json_integer_value(json_object_get(answer, "pages_done")),
			      json_integer_value(json_object_get(answer, "pages")));
		json_decref(answer);
		usleep(POLL_US);
		answer = ask_for_copy(args, names[0]);
		state = text_of(answer, "state");
	}
	progress_end();
	if (!answer)
		return FAILED;
	if (!strcmp(state, "done")) {
		print_line(args, answer, "node %s has the pages of base %s", args->to, names[0]);
		return DONE;
	}
	if (!strcmp(state, "failed"))
		complain("node %s: %s", args->to, text_of(answer, "why"));
	else
		complain("interrupted; node %s goes on copying", args->to);
	json_decref(answer);
	return FAILED;
}

const struct command node_commands[] = {
	{
		"node", "add", "NAME ADDRESS [--port PORT] [--rdma-port PORT]",
		"know another node of the cluster; PORT is that of its medesd",
		OPT_PORT | OPT_RDMA_PORT, 0, 2, 2, add,
	},
	{ "node", "list", "", "all other nodes, and how they are", 0, 0, 0, 0, list },
	{ "node", "show", "NODE", "one of them", 0, 0, 1, 1, show },
	{ "node", "cordon", "NODE", "put nothing new on a node", 0, 0, 1, 1, cordon },
	{ "node", "uncordon", "NODE", "end cordon and drain", 0, 0, 1, 1, uncordon },
	{
		"node", "drain", "NODE [--wait]",
		"have other nodes need it no more: its bases are copied, or what depends on them restored",
		OPT_WAIT, 0, 1, 1, drain,
	},
	{
		"node", "forget", "NODE [--force]",
		"know a node no more; --force: although records are lost with it",
		OPT_FORCE, 0, 1, 1, forget,
	},
	{ .object = NULL },
};

const struct command replicate_commands[] = {
	{
		"base", "replicate", "BASE --to NODE",
		"copy a base to another node, or to this one; both can then be read",
		OPT_TO, OPT_TO, 1, 1, replicate,
	},
	{ .object = NULL },
};
