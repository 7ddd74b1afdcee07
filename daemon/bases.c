// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's bases are the truth, the registry follows.
 *
 * bases_sync() compares lists and reads only the pages that the registry does not
 * know. It runs when a module is found and at the start of each job, so whoever
 * made or dropped a base, and whatever event was lost, the next job knows.
 *
 * A base page's fingerprint comes from the kernel's copy, never from the scan
 * that proposed the page: it may have changed in between.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "bases.h"
#include "log.h"
#include "ops.h"
#include "parse.h"

#define REPEATS 8

struct pages {
	struct medes_base_page *v;
	size_t n;
};

static int on_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct pages *pages = arg;
	struct medes_base_page *v;

	(void)cmd;
	if (!(pages->n & (pages->n - 1))) {
		v = realloc(pages->v, (pages->n ? 2 * pages->n : 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		pages->v = v;
	}
	return medes_parse_base_page(nlh, &pages->v[pages->n]) ?: (pages->n++, 0);
}

static int read_pages(struct medes_nl *nl, uint64_t base, uint32_t first, struct pages *pages)
{
	int err, i;

	for (i = 0; i < REPEATS; i++) {
		pages->n = 0;
		err = medes_nl_request(nl, medes_base_page_message(nl, base, first), on_page,
				       pages);
		if (err != -EINTR)
			return err;
	}
	return err;
}

/* Enter the pages from an index on. */
static int enter(struct medes_nl *nl, struct registry *registry, const struct medes_base *base,
		 uint32_t first)
{
	struct pages pages = { 0 };
	int err = read_pages(nl, base->id, first, &pages);

	if (!err && registry_add(registry, base->domain, base->id, pages.v, pages.n))
		err = medes_nl_fail(nl, -ENOMEM, "no memory for the registry");
	if (!err)
		log_debug("base %s: %zu pages entered into the registry", base->name, pages.n);
	free(pages.v);
	return err;
}

/*
 * Pages are added behind those that are there. Should the count not fit after
 * that, because a hole among them was filled meanwhile, all are read again.
 */
static int learn(struct medes_nl *nl, struct registry *registry, const struct medes_base *base)
{
	uint32_t pages, next;
	bool known = registry_has(registry, base->id, &pages, &next);
	int err;

	if (known && pages >= base->pages)
		return 0;
	err = enter(nl, registry, base, next);
	registry_has(registry, base->id, &pages, &next);
	if (!err && known && pages < base->pages) {
		registry_remove(registry, base->id);
		err = enter(nl, registry, base, 0);
	}
	/* dropped since the list was read */
	return err == -ENOENT ? 0 : err;
}

static bool listed(uint64_t base, void *arg)
{
	const struct medes_bases *list = arg;
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].id == base)
			return true;
	return false;
}

/**
 * bases_sync() - make the registry know the kernel's bases
 * @nl: a socket for requests
 * @registry: the registry
 *
 * Return: 0, or a negative errno with nl->error set.
 */
int bases_sync(struct medes_nl *nl, struct registry *registry)
{
	struct medes_bases list;
	int err = medes_base_list(nl, &list);
	size_t i;

	if (err)
		return err;
	registry_keep(registry, listed, &list);
	for (i = 0; i < list.n && !err; i++)
		err = learn(nl, registry, &list.v[i]);
	medes_bases_clear(&list);
	return err;
}
