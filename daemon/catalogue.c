// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions of a cluster, which all nodes have and the controller changes.
 *
 * Every change has a revision, higher than all before it and higher than any of an earlier
 * epoch. Of two nodes that differ, the higher revision is right, a removal like any other
 * change; so whatever node comes back after whatever time, it is clear who has to learn. A node
 * that works alone gives none (0), and its functions become the cluster's when it joins.
 *
 * STATE/revisions.json is written after the function's own file: a crash in between leaves an
 * old revision, and the node is told once more.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>
#include "catalogue.h"
#include "daemon.h"
#include "function.h"
#include "log.h"
#include "persist.h"
#include "specs.h"

#define FILE_NAME "revisions.json"
#define EPOCH_SHIFT 24			/* changes in an epoch, before it looks like the next */

/* Removals that are remembered. A node that was away for longer brings a function back. */
#define REMOVED_MAX 4096

struct item {
	UT_hash_handle hh;
	struct known known;
};

struct catalogue {
	const char *state;		/* directory; empty: nothing is kept */
	struct item *all;
	uint64_t highest;
	unsigned int n_removed;
};

static struct item *find(const struct catalogue *c, const char *domain, const char *name)
{
	char key[FUNCTION_KEY];
	struct item *e;

	snprintf(key, sizeof(key), "%s/%s", domain, name);
	HASH_FIND_STR(c->all, key, e);
	return e;
}

static void drop(struct catalogue *c, struct item *e)
{
	c->n_removed -= e->known.removed;
	HASH_DEL(c->all, e);
	free(e);
}

static void drop_oldest(struct catalogue *c)
{
	struct item *e, *oldest = NULL;

	for (e = c->all; e; e = e->hh.next)
		if (e->known.removed && (!oldest || e->known.revision < oldest->known.revision))
			oldest = e;
	if (!oldest)
		return;
	log_warning("it is forgotten that function %s was removed, as %u were after it: a node that has been away since then brings it back",
		    oldest->known.key, REMOVED_MAX);
	drop(c, oldest);
}

static int enter(struct catalogue *c, const struct known *k)
{
	struct item *e = find(c, k->domain, k->name);

	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->known = *k;
		e->known.removed = false;
		HASH_ADD_STR(c->all, known.key, e);
	}
	c->n_removed += k->removed - e->known.removed;
	e->known.revision = k->revision;
	e->known.removed = k->removed;
	if (k->revision > c->highest)
		c->highest = k->revision;
	if (c->n_removed > REMOVED_MAX)
		drop_oldest(c);
	return 0;
}

static void load_one(struct catalogue *c, const json_t *value)
{
	struct known k;

	if (known_parse(&k, value) || !k.revision)
		log_error(FILE_NAME ": an entry makes no sense");
	else
		enter(c, &k);
}

/**
 * catalogue_new() - what was known before the daemon started
 * @state: directory, kept by the caller
 */
struct catalogue *catalogue_new(const char *state)
{
	struct catalogue *c = calloc(1, sizeof(*c));
	char path[PATH_MAX];
	json_t *file, *value;
	json_error_t why;
	size_t i;

	if (!c)
		return NULL;
	c->state = state;
	snprintf(path, sizeof(path), "%s/" FILE_NAME, state);
	file = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!file && json_error_code(&why) != json_error_cannot_open_file)
		log_error("%s: %s (line %d)", path, why.text, why.line);
	json_array_foreach(json_object_get(file, "functions"), i, value)
		load_one(c, value);
	json_decref(file);
	return c;
}

void catalogue_free(struct catalogue *c)
{
	struct item *e, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->all, e, next)
		drop(c, e);
	free(c);
}

static int save(const struct catalogue *c)
{
	json_t *array = json_array(), *file;
	const struct item *e;
	int err;

	for (e = c->all; e; e = e->hh.next)
		json_array_append_new(array, known_json(&e->known));
	file = json_pack("{s:o}", "functions", array);
	err = file ? 0 : -ENOMEM;
	if (!err && mkdir(c->state, 0700) && errno != EEXIST)
		err = -errno;
	if (!err)
		err = persist_save(c->state, FILE_NAME, file);
	json_decref(file);
	if (err)
		log_error("%s/" FILE_NAME ": %s", c->state, strerror(-err));
	return err;
}

/**
 * catalogue_find() - what is known of a function
 * @d: the daemon
 * @domain: its domain
 * @name: its name
 * @out: receives it
 *
 * Return: false when it is not here, and its removal is not known either.
 */
bool catalogue_find(const struct daemon *d, const char *domain, const char *name,
		    struct known *out)
{
	const struct item *e = find(d->catalogue, domain, name);
	bool here = function_find(d->control, domain, name);

	if (e && e->known.removed == !here)
		*out = e->known;
	else
		known_init(out, domain, name);
	return here || out->removed;
}

void catalogue_each_removed(const struct daemon *d,
			    void (*fn)(const struct known *known, void *arg), void *arg)
{
	const struct item *e;
	struct known k;

	for (e = d->catalogue->all; e; e = e->hh.next)
		if (e->known.removed &&
		    catalogue_find(d, e->known.domain, e->known.name, &k) && k.removed)
			fn(&k, arg);
}

/**
 * catalogue_next() - the revision of a change that is made now
 * @d: the daemon, which leads
 * @epoch: of its leadership
 */
uint64_t catalogue_next(const struct daemon *d, uint64_t epoch)
{
	uint64_t first = epoch << EPOCH_SHIFT, next = d->catalogue->highest + 1;

	return next > first ? next : first;
}

static int note(struct catalogue *c, const char *domain, const char *name, uint64_t revision,
		bool removed)
{
	struct item *e = find(c, domain, name);
	struct known k;
	int err = 0;

	if (!revision && !e)
		return 0;
	known_init(&k, domain, name);
	k.revision = revision;
	k.removed = removed;
	if (revision)
		err = enter(c, &k);
	else
		drop(c, e);
	return err ? err : save(c);
}

/**
 * catalogue_put() - have a function, on disk and here
 * @d: the daemon
 * @domain: its domain
 * @spec: taken over and cleared
 * @revision: 0: the cluster has no say
 *
 * Return: 0; or a negative errno, and the log says more.
 */
int catalogue_put(struct daemon *d, const char *domain, struct spec *spec, uint64_t revision)
{
	char name[MEDES_NAME_SIZE];
	int err = specs_save(d->config.state, domain, spec);

	if (err) {
		log_error("cannot write below %s: %s", d->config.state, strerror(-err));
		spec_clear(spec);
		return err;
	}
	strcpy(name, spec->name);
	if (!function_put(d->control, domain, spec))
		return -ENOMEM;
	return note(d->catalogue, domain, name, revision, false);
}

/**
 * catalogue_remove() - have a function no more
 * @d: the daemon
 * @domain: its domain
 * @name: its name; it need not be here
 * @revision: of the removal; 0: the cluster has no say
 */
int catalogue_remove(struct daemon *d, const char *domain, const char *name, uint64_t revision)
{
	struct function *f = function_find(d->control, domain, name);
	char own_domain[MEDES_NAME_SIZE], own_name[MEDES_NAME_SIZE];
	int err;

	/* they may be the function's own */
	snprintf(own_domain, sizeof(own_domain), "%s", domain);
	snprintf(own_name, sizeof(own_name), "%s", name);
	err = specs_remove(d->config.state, own_domain, own_name);
	if (err) {
		log_error("cannot remove below %s: %s", d->config.state, strerror(-err));
		return err;
	}
	if (f)
		function_delete(f);
	return note(d->catalogue, own_domain, own_name, revision, true);
}
