/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What jobs ask which base pages resemble theirs. Two engines: this process alone, and
 * a Valkey cluster that all nodes share (remote.h). Both hold what this node's own bases
 * have in the registry of this process (registry.h).
 *
 * Whatever an engine says is a hint, and whatever fails in it costs savings only.
 */
#ifndef MEDESD_ENGINE_H
#define MEDESD_ENGINE_H

#include <jansson.h>
#include "registry.h"

struct engine;
struct lookup;

struct engine_base {
	uint64_t id;
	uint64_t generation;
	const char *domain;
};

/* A base of another node, that this node's kernel can read. */
struct engine_import {
	const char *node;		/* whose it is */
	uint64_t id;			/* there */
	uint64_t generation;
	uint64_t import;		/* its id here */
};

/* The answer to a look-up. The arrays are the engine's, and last as long as the call. */
typedef void (*found_fn)(const struct medes_page *pages, size_t n,
			 const struct candidates *found, void *arg);

struct engine_ops {
	const char *name;
	bool finds_imports;		/* by itself: their pages need not be added */
	void (*share)(struct engine *e, const struct engine_base *base, bool shared);
	int (*add)(struct engine *e, const struct engine_base *base,
		   const struct medes_base_page *pages, size_t n);
	bool (*has)(const struct engine *e, uint64_t base, uint32_t *pages, uint32_t *next);
	void (*remove)(struct engine *e, uint64_t base);
	void (*keep)(struct engine *e, bool (*wanted)(uint64_t base, void *arg), void *arg);
	void (*imports)(struct engine *e, const struct engine_import *imports, size_t n);
	bool (*wants)(const struct engine *e, const struct engine_import *base);
	void (*forget_node)(struct engine *e, const char *node);
	struct lookup *(*lookup)(struct engine *e, const char *domain,
				 const struct medes_page *pages, size_t n, found_fn fn, void *arg);
	void (*forget)(struct lookup *lookup);
	json_t *(*json)(const struct engine *e);
	void (*free)(struct engine *e);
};

struct engine {
	const struct engine_ops *ops;
	struct registry *local;
};

struct daemon;

struct engine *engine_local_new(unsigned int max_pages);
struct engine *engine_new(struct daemon *d);

/**
 * engine_lookup() - find the base pages that resemble some pages
 * @e: the engine
 * @domain: of the sandbox that the pages belong to
 * @pages: what the scan said about them; copied if need be
 * @n: how many
 * @fn: receives the answer, once: from here, or from the loop within the engine's time
 * @arg: for @fn
 *
 * Return: the look-up, for engine_forget() until @fn is called; NULL when it was called.
 */
static inline struct lookup *engine_lookup(struct engine *e, const char *domain,
					   const struct medes_page *pages, size_t n, found_fn fn,
					   void *arg)
{
	return e->ops->lookup(e, domain, pages, n, fn, arg);
}

static inline void engine_forget(struct engine *e, struct lookup *lookup)
{
	e->ops->forget(lookup);
}

/**
 * engine_share() - say whether other nodes may use a base
 * @e: the engine
 * @base: it; told before its pages are added, and whenever that may have changed
 * @shared: whether
 */
static inline void engine_share(struct engine *e, const struct engine_base *base, bool shared)
{
	e->ops->share(e, base, shared);
}

/* Does it find what imported bases have, or must that be added like what our own have? */
static inline bool engine_finds_imports(const struct engine *e)
{
	return e->ops->finds_imports;
}

/**
 * engine_imports() - say which bases of other nodes are at hand
 * @e: the engine; others are not told as candidates any more
 * @imports: all of them, for new records
 * @n: how many
 */
static inline void engine_imports(struct engine *e, const struct engine_import *imports, size_t n)
{
	e->ops->imports(e, imports, n);
}

/**
 * engine_wants() - has a base been missed
 * @e: the engine
 * @base: of another node, and not at hand; its import says nothing
 *
 * Return: whether look-ups found it the best for so many pages that it should be imported; true
 * when the engine cannot know.
 */
static inline bool engine_wants(const struct engine *e, const struct engine_import *base)
{
	return e->ops->wants(e, base);
}

/**
 * engine_forget_node() - a node will not come back
 * @e: the engine; what the node entered goes
 * @node: its name
 */
static inline void engine_forget_node(struct engine *e, const char *node)
{
	e->ops->forget_node(e, node);
}

/* As registry_add(), _has(), _remove() and _keep(). */
static inline int engine_add(struct engine *e, const struct engine_base *base,
			     const struct medes_base_page *pages, size_t n)
{
	return e->ops->add(e, base, pages, n);
}

static inline bool engine_has(const struct engine *e, uint64_t base, uint32_t *pages,
			      uint32_t *next)
{
	return e->ops->has(e, base, pages, next);
}

static inline void engine_remove(struct engine *e, uint64_t base)
{
	e->ops->remove(e, base);
}

static inline void engine_keep(struct engine *e, bool (*wanted)(uint64_t base, void *arg),
			       void *arg)
{
	e->ops->keep(e, wanted, arg);
}

static inline json_t *engine_json(const struct engine *e)
{
	return e->ops->json(e);
}

static inline void engine_free(struct engine *e)
{
	if (e)
		e->ops->free(e);
}

#endif /* MEDESD_ENGINE_H */
