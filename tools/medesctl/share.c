// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl base export, import and the like: bases that nodes share. All of it is
 * between this node's kernel and the others'; the daemon learns of new bases by
 * itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "json.h"
#include "link.h"
#include "ops.h"
#include "peer.h"
#include "print.h"
#include "text.h"

#define POLL_US 50000

/* The base that a user names; 0, or a negative errno after a complaint. */
static int find_base(struct medes_nl *nl, const char *name, struct medes_base *base)
{
	struct medes_bases list;
	int err = medes_base_list(nl, &list);
	size_t i;

	if (err) {
		complain("%s", nl->error);
		return err;
	}
	err = -ENOENT;
	for (i = 0; i < list.n; i++) {
		if (strcmp(list.v[i].name, name))
			continue;
		*base = list.v[i];
		err = 0;
	}
	medes_bases_clear(&list);
	if (err)
		complain("no base has the name \"%s\"", name);
	return err;
}

/* PEER/BASE/GENERATION, as export prints the last two */
static int parse_replica(struct medes_nl *nl, const char *text, struct medes_replica *replica)
{
	struct medes_peer peer;
	char name[256], base[32], generation[32], *end = "", *last = "";

	memset(replica, 0, sizeof(*replica));
	if (sscanf(text, "%255[^/]/%31[^/]/%31s", name, base, generation) == 3) {
		replica->base = strtoull(base, &end, 0);
		replica->generation = strtoull(generation, &last, 0);
	}
	if (*end || *last || !replica->base || !replica->generation) {
		complain("\"%s\" is no replica; want PEER/BASE/GENERATION, as \"base export\" prints it",
			 text);
		return -EINVAL;
	}
	if (peer_find(nl, name, &peer))
		return -ENOENT;
	replica->peer = peer.id;
	return 0;
}

static const struct view base_view = {
	.columns = (const struct column[]) {
		{ "id", "id", TEXT },
		{ "name", "name", TEXT },
		{ "domain", "domain", TEXT },
		{ "function", "function", TEXT },
		{ "pages", "pages", COUNT },
		{ "records", "users", COUNT },
		{ "memory", "bytes", BYTES },
		{ "exported as generation", "generation", TEXT },
		{ "leased by nodes", "leases", COUNT },
		{ "pages in the cache", "cached", COUNT },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code show(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_base base;
	size_t i;

	(void)n;
	if (!nl)
		return FAILED;
	if (!find_base(nl, names[0], &base))
		code = print(args, medes_json_base(&base), &base_view);
	for (i = 0; code == DONE && !args->json && i < base.n_replicas; i++)
		printf("on peer %" PRIu32 ": %s\n", base.replicas[i].peer,
		       medes_replica_state_name(base.replicas[i].state));
	link_close(nl);
	return code;
}

static enum exit_code export(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_base base;
	uint64_t generation;

	(void)n;
	if (!nl)
		return FAILED;
	if (find_base(nl, names[0], &base))
		goto out;
	if (medes_base_export(nl, base.id, &generation)) {
		complain("%s", nl->error);
		goto out;
	}
	base.generation = generation;
	print_line(args, medes_json_base(&base), "0x%" PRIx64 "/0x%" PRIx64, base.id, generation);
	code = DONE;
out:
	link_close(nl);
	return code;
}

static enum exit_code unexport(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_base base;

	(void)n;
	if (!nl)
		return FAILED;
	if (!find_base(nl, names[0], &base)) {
		if (medes_base_unexport(nl, base.id, args->given & OPT_FORCE)) {
			complain("%s", nl->error);
		} else {
			print_line(args, NULL, "base %s is not exported any more", names[0]);
			code = DONE;
		}
	}
	link_close(nl);
	return code;
}

/* 1: a replica is ready; 0: not yet; -1: none will be */
static int look(const struct medes_base *base)
{
	size_t i, refused = 0;

	for (i = 0; i < base->n_replicas; i++) {
		if (base->replicas[i].state == MEDES_REPLICA_STATE_READY)
			return 1;
		refused += base->replicas[i].state == MEDES_REPLICA_STATE_REFUSED;
	}
	return refused == base->n_replicas ? -1 : 0;
}

static enum exit_code follow(const struct args *args, struct medes_nl *nl, const char *name)
{
	struct medes_base base;
	int ready = 0;

	interrupt_catch();
	while (!ready && !interrupted()) {
		if (find_base(nl, name, &base))
			return FAILED;
		ready = look(&base);
		if (!ready)
			usleep(POLL_US);
	}
	if (ready > 0) {
		print_line(args, medes_json_base(&base), "base %s: %" PRIu32 " pages", name,
			   base.pages);
		return DONE;
	}
	complain(ready ? "base %s: no node has it, or has it still" :
			 "interrupted; base %s stays and appears when a node answers", name);
	return FAILED;
}

static enum exit_code import(const struct args *args, const char *const *names, size_t n)
{
	struct medes_replica replicas[MEDES_REPLICAS_MAX];
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	uint64_t id;
	size_t i;

	if (!nl)
		return FAILED;
	for (i = 0; i + 1 < n; i++)
		if (parse_replica(nl, names[i + 1], &replicas[i]))
			goto out;
	if (medes_base_import(nl, names[0], args->domain, args->function, replicas, n - 1, &id)) {
		complain("%s", nl->error);
	} else if (args->given & OPT_WAIT) {
		code = follow(args, nl, names[0]);
	} else {
		print_line(args, json_pack("{s:o}", "id", medes_json_id(id)), "base 0x%" PRIx64, id);
		code = DONE;
	}
out:
	link_close(nl);
	return code;
}

static enum exit_code add_replica(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_replica replica;
	struct medes_base base;

	(void)n;
	if (!nl)
		return FAILED;
	if (!find_base(nl, names[0], &base) && !parse_replica(nl, names[1], &replica)) {
		if (medes_replica_add(nl, base.id, &replica)) {
			complain("%s", nl->error);
		} else {
			print_line(args, NULL, "base %s has one replica more", names[0]);
			code = DONE;
		}
	}
	link_close(nl);
	return code;
}

static enum exit_code leave(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_peer peer;
	struct medes_base base;

	(void)n;
	if (!nl)
		return FAILED;
	if (!find_base(nl, names[0], &base) && !peer_find(nl, names[1], &peer)) {
		if (medes_replica_del(nl, base.id, peer.id, args->given & OPT_FORCE)) {
			complain("%s", nl->error);
		} else {
			print_line(args, NULL, "base %s is not read from %s any more", names[0],
				   names[1]);
			code = DONE;
		}
	}
	link_close(nl);
	return code;
}

/* What a copy that failed has left is no base. */
static enum exit_code copy_into(const struct args *args, struct medes_nl *nl,
				const struct medes_base *source, const struct medes_base *to)
{
	struct medes_op op;
	uint32_t id;

	if (medes_copy(nl, source->id, to->id, &id)) {
		complain("%s", nl->error);
	} else if (!link_follow_op(nl, id, "copied", &op)) {
		if (op.state == MEDES_OP_STATE_DONE) {
			print_line(args, medes_json_op(&op), "base %s: %" PRIu64 " pages", to->name,
				   op.stored);
			return DONE;
		}
		complain("copy of %s: %s", source->name, strerror(-op.error));
	}
	medes_base_del(nl, to->id);
	return FAILED;
}

static enum exit_code copy(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_base source, to;

	(void)n;
	if (!nl)
		return FAILED;
	if (!find_base(nl, names[0], &source)) {
		if (medes_base_new(nl, names[1], source.domain, source.function, &to))
			complain("%s", nl->error);
		else
			code = copy_into(args, nl, &source, &to);
	}
	link_close(nl);
	return code;
}

const struct command share_commands[] = {
	{ "base", "show", "BASE", "a base, who reads it, or where its pages are", 0, 0, 1, 1, show },
	{ "base", "export", "BASE", "let other nodes read a base; prints BASE/GENERATION, for import",
	  0, 0, 1, 1, export },
	{ "base", "unexport", "BASE [--force]", "let nobody read it any more; --force: although leased",
	  OPT_FORCE, 0, 1, 1, unexport },
	{ "base", "import", "NAME PEER/BASE/GENERATION... --domain DOMAIN [--function F] [--wait]",
	  "make a base of pages that other nodes export; --wait until one has answered",
	  OPT_DOMAIN | OPT_FUNCTION | OPT_WAIT, OPT_DOMAIN, 2, 1 + MEDES_REPLICAS_MAX, import },
	{ "base", "add-replica", "BASE PEER/BASE/GENERATION",
	  "know another node that has the pages of an imported base", 0, 0, 2, 2, add_replica },
	{ "base", "leave", "BASE PEER [--force]",
	  "read an imported base from a node no more; --force: although it is the last",
	  OPT_FORCE, 0, 2, 2, leave },
	{ "base", "copy", "BASE NAME", "copy all pages of a base, here or imported, into a new one here",
	  0, 0, 2, 2, copy },
	{ .object = NULL },
};
