// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine of a node that is alone: its own registry, and every answer at once.
 */
#include <stdlib.h>
#include "engine.h"
#include "scan.h"

static void share(struct engine *e, const struct engine_base *base, bool shared)
{
	(void)e, (void)base, (void)shared;
}

static int add(struct engine *e, const struct engine_base *base,
	       const struct medes_base_page *pages, size_t n)
{
	return registry_add(e->local, base->domain, base->id, pages, n);
}

static bool has(const struct engine *e, uint64_t base, uint32_t *pages, uint32_t *next)
{
	return registry_has(e->local, base, pages, next);
}

static void remove_base(struct engine *e, uint64_t base)
{
	registry_remove(e->local, base);
}

static void keep(struct engine *e, bool (*wanted)(uint64_t base, void *arg), void *arg)
{
	registry_keep(e->local, wanted, arg);
}

static void imports(struct engine *e, const struct engine_import *v, size_t n)
{
	(void)e, (void)v, (void)n;
}

static bool wants(const struct engine *e, const struct engine_import *base)
{
	(void)e, (void)base;
	return true;
}

static void forget_node(struct engine *e, const char *node)
{
	(void)e, (void)node;
}

static struct lookup *lookup(struct engine *e, const char *domain, const struct medes_page *pages,
			     size_t n, found_fn fn, void *arg)
{
	static struct candidates found[SCAN_BATCH];

	registry_lookup(e->local, domain, pages, n, found);
	fn(pages, n, found, arg);
	return NULL;
}

static void forget(struct lookup *l)
{
	(void)l;
}

static json_t *json(const struct engine *e)
{
	return json_pack("{s:s}", "engine", e->ops->name);
}

static void engine_local_free(struct engine *e)
{
	registry_free(e->local);
	free(e);
}

static const struct engine_ops local_ops = {
	.name = "local",
	.share = share,
	.add = add,
	.has = has,
	.remove = remove_base,
	.keep = keep,
	.imports = imports,
	.wants = wants,
	.forget_node = forget_node,
	.lookup = lookup,
	.forget = forget,
	.json = json,
	.free = engine_local_free,
};

/**
 * engine_local_new() - an engine of this process alone
 * @max_pages: as for registry_new()
 *
 * Return: it, or NULL for lack of memory.
 */
struct engine *engine_local_new(unsigned int max_pages)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ops = &local_ops;
	e->local = registry_new(max_pages);
	if (e->local)
		return e;
	free(e);
	return NULL;
}
