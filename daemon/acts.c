// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The controller's acts, carried out on this node's own scheduler and life cycle.
 *
 * The controller decides by what it was told a moment ago. So each act says how things
 * shall be, is refused in words when they have become different (a sandbox that serves again), and
 * is done already when they are so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "acts.h"
#include "catalogue.h"
#include "function.h"
#include "json.h"
#include "nodes.h"
#include "replicate.h"
#include "text.h"

#define STARTS_MAX 64

static int refuse(char error[ACT_ERROR], int err, const char *why, const char *what)
{
	snprintf(error, ACT_ERROR, why, what);
	return err;
}

static const char *text_of(const json_t *act, const char *key)
{
	const char *text = json_string_value(json_object_get(act, key));

	return text ? text : "";
}

static struct box *box_of(struct daemon *d, const json_t *act)
{
	return box_find(d->control, text_of(act, "sandbox"));
}

static int sleep_it(struct daemon *d, const json_t *act, bool demarcate, char *error)
{
	const char *name = text_of(act, "sandbox"), *why = text_of(act, "why");
	struct control *c = d->control;
	struct box *box = box_of(d, act);

	if (!box)
		return refuse(error, -ENOENT, "there is no sandbox \"%.80s\"", name);
	if (box->state == BOX_DEDUP || box->state == BOX_DEDUPING)
		return 0;
	if (box->state != BOX_IDLE || box->restoring)
		return refuse(error, -EBUSY, "sandbox %s is in use", name);
	if (!c->ops->dedups(c->host))
		return refuse(error, -EOPNOTSUPP, "sandbox %s: the kernel module is not loaded", name);
	if (box->stuck_until > clock_now(c->clock))
		return refuse(error, -EAGAIN, "sandbox %s could not be deduplicated just now", name);
	if (c->n_deduping >= c->limits.max_dedups)
		return refuse(error, -EAGAIN, "sandbox %s: as many are being deduplicated as may at once", name);
	life_tell(box->function, box, demarcate ? "make it a base" : "deduplicate", why);
	box_dedup(box, demarcate);
	return 0;
}

static int dedup(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	(void)result;
	return sleep_it(d, act, false, error);
}

static int demarcate(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	(void)result;
	return sleep_it(d, act, true, error);
}

static int purge(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	const char *name = text_of(act, "sandbox");
	struct box *box = box_of(d, act);

	(void)result;
	if (!box || box->state == BOX_ENDING)
		return 0;
	if (box->adopted)
		return refuse(error, -EPERM, "sandbox %s is another platform's", name);
	if (!life_purge(box, text_of(act, "why")))
		return refuse(error, -EBUSY, "sandbox %s is in use", name);
	return 0;
}

static struct function *function_of(struct daemon *d, const json_t *act)
{
	return function_find(d->control, text_of(act, "domain"), text_of(act, "name"));
}

static int start(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	json_int_t n = json_integer_value(json_object_get(act, "n"));
	struct function *f = function_of(d, act);
	unsigned int begun;

	if (!f)
		return refuse(error, -ENOENT, "there is no function \"%.80s\"", text_of(act, "name"));
	if (n < 1 || n > STARTS_MAX)
		return refuse(error, -EINVAL, "function %s: so many cannot be started", f->spec.name);
	begun = life_prewarm(f, n, text_of(act, "why"));
	json_object_set_new(result, "started", json_integer(begun));
	return begun ? 0 : refuse(error, -ENOSPC, "function %s: there is no room", f->spec.name);
}

static int retire(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	uint64_t id = strtoull(text_of(act, "base"), NULL, 0);
	struct control *c = d->control;
	struct function *f;
	struct base *base;

	(void)result, (void)error;
	for (f = c->functions; f; f = f->hh.next) {
		TAILQ_FOREACH(base, &f->bases, link) {
			if (base->id != id || base->retired)
				continue;
			base->retired = true;
			life_tell(f, NULL, "retire a base", text_of(act, "why"));
			c->ops->retire(c->host, id);
		}
	}
	return 0;
}

static int put(struct daemon *d, const char *domain, const json_t *given, uint64_t revision,
	       char *error)
{
	char why[SPEC_ERROR];
	struct spec spec = { 0 };
	json_t *copy = json_deep_copy(given);
	int err = copy ? spec_parse(&spec, copy, why) : -ENOMEM;

	json_decref(copy);
	if (err)
		return refuse(error, -EINVAL, "the function's spec: %.300s", why);
	err = catalogue_put(d, domain, &spec, revision);
	return err ? refuse(error, err, "a function cannot be stored: %s", strerror(-err)) : 0;
}

/* One that is here in this revision or a later one is left as it is. */
static int have_function(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	const json_t *spec = json_object_get(act, "spec");
	json_int_t revision = json_integer_value(json_object_get(act, "revision"));
	const char *domain = text_of(act, "domain"), *name = text_of(act, "name");
	struct known here;
	int err;

	(void)result;
	if (revision <= 0 || !medes_name_valid(domain) || !medes_name_valid(name))
		return refuse(error, -EINVAL, "function \"%.80s\": want domain, name and revision", name);
	if (catalogue_find(d, domain, name, &here) && here.revision >= (uint64_t)revision)
		return 0;
	if (json_is_object(spec))
		return put(d, domain, spec, revision, error);
	err = catalogue_remove(d, domain, name, revision);
	return err ? refuse(error, err, "a function cannot be removed: %s", strerror(-err)) : 0;
}

static int tell_function(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	const char *domain = text_of(act, "domain"), *name = text_of(act, "name");
	const struct function *f = function_of(d, act);
	struct known here;

	if (!catalogue_find(d, domain, name, &here))
		return refuse(error, -ENOENT, "there is no function \"%.80s\"", name);
	json_object_set_new(result, "domain", medes_json_text(domain));
	json_object_set_new(result, "name", medes_json_text(name));
	json_object_set_new(result, "revision", json_integer(here.revision));
	json_object_set_new(result, "spec", f ? json_incref(f->spec.json) : json_null());
	return 0;
}

static int replicate(struct daemon *d, const json_t *act, json_t *result, char *error)
{
	struct offer *offers;
	char why[200] = "";
	size_t n;

	(void)result;
	if (offers_parse(json_object_get(act, "bases"), &offers, &n, why, sizeof(why)) || n != 1) {
		free(offers);
		return refuse(error, -EINVAL, "want one base: %s", why);
	}
	if (d->nodes->cordoned || d->nodes->draining) {
		free(offers);
		return refuse(error, -EBUSY, "node %s: nothing new is put on it", d->config.node);
	}
	n = replication_begin(d->nodes->replications, offers) != NULL;
	free(offers);
	return n ? 0 : refuse(error, -ENOMEM, "no memory to copy a base%s", "");
}

static const struct {
	const char *name;
	int (*fn)(struct daemon *d, const json_t *act, json_t *result, char *error);
} kinds[] = {
	{ "deduplicate", dedup }, { "demarcate", demarcate }, { "purge", purge },
	{ "start", start }, { "retire", retire }, { "function", have_function },
	{ "tell function", tell_function }, { "replicate", replicate },
};

/**
 * act_do() - carry out one act
 * @d: the daemon
 * @act: an object; "do" says which
 * @result: an object, to which the act may add
 * @error: receives why not
 *
 * Return: 0: done, or begun as far as it takes time; or a negative errno.
 */
int act_do(struct daemon *d, const json_t *act, json_t *result, char error[ACT_ERROR])
{
	const char *name = text_of(act, "do");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].fn(d, act, result, error);
	return refuse(error, -EOPNOTSUPP, "this node knows no act \"%.80s\"", name);
}
