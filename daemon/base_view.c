// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's bases, as the controller's functions see them: a base belongs to the function
 * and the domain that it was made of.
 */
#include "bases.h"
#include "daemon.h"
#include "function.h"
#include "kernel.h"
#include "ops.h"
#include "registry.h"

static void enter(struct control *c, const struct medes_base *kernel_base)
{
	struct function *f = function_find(c, kernel_base->domain, kernel_base->function);
	struct base *base = f ? function_base(f, kernel_base->id) : NULL;

	if (!base)
		return;
	base->users = kernel_base->users;
	base->leased = kernel_base->leases;
	base->import = kernel_base->n_replicas;
	base->seen = true;
}

/**
 * bases_show() - bring the functions' bases up to date
 * @daemon: the daemon
 *
 * Return: bytes that deduplication takes and that no sandbox owns.
 */
double bases_show(struct daemon *daemon)
{
	struct medes_nl *nl = kernel_nl(daemon->kernel);
	struct control *c = daemon->control;
	struct registry_stats stats;
	struct medes_bases list;
	struct function *f;
	struct base *base;
	double bytes;
	size_t i;

	for (f = c->functions; f; f = f->hh.next)
		TAILQ_FOREACH(base, &f->bases, link)
			base->seen = false;
	registry_stats(daemon->registry, &stats);
	bytes = stats.bytes;
	if (nl && !medes_base_list(nl, &list)) {
		for (i = 0; i < list.n; i++) {
			enter(c, &list.v[i]);
			bytes += list.v[i].bytes;
		}
		medes_bases_clear(&list);
	}
	for (f = c->functions; f; f = f->hh.next)
		function_forget_bases(f, false);
	return bytes;
}
