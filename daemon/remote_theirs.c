// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bases of other nodes, as the directory names them: which of them are at hand, since this node's
 * kernel has imported them; which should be, since look-ups found them best for many a page;
 * and those of a node that will not come back.
 *
 * An import is told by node, id and generation, all three: a base that was exported anew is
 * another one until it is imported anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "remote.h"

/* Zeroed to the last byte before it is filled in: compared as a whole. */
struct key {
	uint64_t id;
	uint64_t generation;
	char node[MEDES_NAME_SIZE];
};

struct import {
	struct key key;
	uint64_t import;
	UT_hash_handle hh;
};

/* A node whose bases are still to be taken out of the directory. */
struct forgotten {
	char node[MEDES_NAME_SIZE];
	struct forgotten *next;
};

static struct key key_of(const char *node, uint64_t id, uint64_t generation)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.id = id;
	key.generation = generation;
	snprintf(key.node, sizeof(key.node), "%s", node);
	return key;
}

uint64_t remote_import_of(const struct remote *r, const struct remote_base *b)
{
	const struct key key = key_of(b->node, b->id, b->generation);
	struct import *found;

	HASH_FIND(hh, r->imports, &key, sizeof(key), found);
	return found ? found->import : 0;
}

static void clear(struct remote *r)
{
	struct import *i, *next;

	HASH_ITER(hh, r->imports, i, next) {
		HASH_DEL(r->imports, i);
		free(i);
	}
}

static void put(struct remote *r, const struct engine_import *what)
{
	const struct key key = key_of(what->node, what->id, what->generation);
	struct import *i;

	HASH_FIND(hh, r->imports, &key, sizeof(key), i);
	if (i)
		return;
	i = calloc(1, sizeof(*i));
	if (!i)		/* it is not found, that is all */
		return;
	i->key = key;
	i->import = what->import;
	HASH_ADD(hh, r->imports, key, sizeof(i->key), i);
}

void remote_imports(struct engine *e, const struct engine_import *imports, size_t n)
{
	struct remote *r = (struct remote *)e;
	struct remote_base *b;

	clear(r);
	for (; n; n--, imports++)
		put(r, imports);
	for (b = r->bases; b; b = b->hh.next) {
		b->import = remote_import_of(r, b);
		if (b->import)
			b->wanted = 0;
	}
}

/**
 * remote_want() - a base was the best for a page, and is not at hand
 * @r: the engine
 * @b: the base
 */
void remote_want(struct remote *r, struct remote_base *b)
{
	if (++b->wanted != r->import_after)
		return;
	log_info("base 0x%llx of node %s would have served %u pages here",
		 (unsigned long long)b->id, b->node, r->import_after);
	if (r->want)
		r->want(r->arg);
}

bool remote_wants(const struct engine *e, const struct engine_import *base)
{
	const struct remote *r = (const struct remote *)e;
	const struct remote_base *b;

	for (b = r->bases; b; b = b->hh.next)
		if (b->id == base->id && b->generation == base->generation &&
		    !strcmp(b->node, base->node))
			return b->wanted >= r->import_after;
	return !r->import_after;
}

static bool is_forgotten(const struct remote *r, const char *node)
{
	const struct forgotten *f;

	for (f = r->forgotten; f; f = f->next)
		if (!strcmp(f->node, node))
			return true;
	return false;
}

static bool has_bases(const struct remote *r, const char *node)
{
	const struct remote_base *b;

	for (b = r->bases; b; b = b->hh.next)
		if (!strcmp(b->node, node))
			return true;
	return false;
}

/*
 * After the directory was read: a drop may have been lost on its way, so a name is kept until none of
 * its bases was there.
 */
void remote_forget_go(struct remote *r)
{
	struct forgotten **at = &r->forgotten, *f;
	struct remote_base *b, *next;

	while ((f = *at)) {
		if (has_bases(r, f->node)) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
	if (!r->forgotten)
		return;
	HASH_ITER(hh, r->bases, b, next) {
		if (!is_forgotten(r, b->node))
			continue;
		remote_send_drop(r, b->number);
		HASH_DEL(r->bases, b);
		free(b);
	}
	/* read it again soon */
	strcpy(r->version, "changed");
}

void remote_forget_node(struct engine *e, const char *node)
{
	struct remote *r = (struct remote *)e;
	struct forgotten *f;

	if (is_forgotten(r, node))
		return;
	f = calloc(1, sizeof(*f));
	if (!f) {
		log_error("no memory to take the bases of node %s out of the cluster's registry; forget it once more",
			  node);
		return;
	}
	snprintf(f->node, sizeof(f->node), "%s", node);
	f->next = r->forgotten;
	r->forgotten = f;
	/* what it has is told by the next reading, which is soon */
	if (r->version[0])
		strcpy(r->version, "changed");
}

void remote_theirs_free(struct remote *r)
{
	struct forgotten *f;

	clear(r);
	while ((f = r->forgotten)) {
		r->forgotten = f->next;
		free(f);
	}
}
