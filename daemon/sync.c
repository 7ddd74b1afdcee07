// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All nodes have the same functions. Wherever two differ the higher revision is right
 * (catalogue.c): the controller learns what a node knows better, and tells a node what it does
 * not know. It changes nothing by itself, but that functions that nodes bring along become the
 * cluster's.
 */
#include <string.h>
#include "catalogue.h"
#include "log.h"
#include "text.h"
#include "steer.h"

/* The same function must not be on its way twice, in one direction or the other. */
static bool is_on_its_way(const struct steer_node *sn, const char *domain, const char *name)
{
	const char *act_domain, *act_name;
	json_t *act;
	size_t i;

	json_array_foreach(sn->acts, i, act) {
		act_domain = json_string_value(json_object_get(act, "domain"));
		act_name = json_string_value(json_object_get(act, "name"));
		if (act_domain && act_name && json_object_get(act, "function") &&
		    !strcmp(act_domain, domain) && !strcmp(act_name, name))
			return true;
	}
	return false;
}

static void ask_for(struct steer_node *sn, const char *domain, const char *name)
{
	if (!is_on_its_way(sn, domain, name))
		steer_act(sn, json_pack("{s:s,s:s,s:s,s:b}", "do", "tell function", "domain", domain,
					"name", name, "function", 1));
}

static void tell(struct steer_node *sn, const struct known *k)
{
	const struct function *f = function_find(sn->steer->daemon->control, k->domain,
						 k->name);

	if (!is_on_its_way(sn, k->domain, k->name))
		steer_act(sn, json_pack("{s:s,s:s,s:s,s:b,s:I,s:O?}", "do", "function",
					"domain", k->domain, "name", k->name, "function", 1,
					"revision", (json_int_t)k->revision,
					"spec", k->removed || !f ? NULL : f->spec.json));
}

static void learn(struct steer_node *sn, const struct known *there)
{
	struct daemon *d = sn->steer->daemon;
	struct known here;

	if (catalogue_find(d, there->domain, there->name, &here) &&
	    there->revision <= here.revision)
		return;
	if (there->removed)
		catalogue_remove(d, there->domain, there->name, there->revision);
	else
		ask_for(sn, there->domain, there->name);
}

static void teach(struct steer_node *sn, const struct known *here)
{
	const struct view_function *vf = view_find(sn->view, here->domain, here->name);

	if (here->revision && (!vf || vf->known.revision < here->revision))
		tell(sn, here);
}

static void teach_removed(const struct known *here, void *arg)
{
	struct steer_node *sn = arg;
	const struct view_function *vf = view_find(sn->view, here->domain, here->name);

	/* whoever has never heard of it need not know that it is gone */
	if (vf && vf->known.revision < here->revision)
		tell(sn, here);
}

/* Once all have been heard, what no cluster has changed yet gets its first revision. */
static void take_in(struct steer *s, const struct function *f)
{
	struct spec spec = { 0 };
	char error[SPEC_ERROR];
	json_t *copy = json_deep_copy(f->spec.json);

	if (copy && !spec_parse(&spec, copy, error))
		catalogue_put(s->daemon, f->domain, &spec, catalogue_next(s->daemon, s->epoch));
	json_decref(copy);
}

/**
 * sync_report() - a node has told what it has
 * @sn: the node, with its view
 */
void sync_report(struct steer_node *sn)
{
	struct daemon *d = sn->steer->daemon;
	struct function *f, *next;
	struct view_function *vf;
	struct known here;

	if (sn->self) {
		HASH_ITER(hh, d->control->functions, f, next)
			if (catalogue_find(d, f->domain, f->spec.name, &here) && !here.revision &&
			    steer_settled(sn->steer))
				take_in(sn->steer, f);
		return;
	}
	for (vf = sn->view->functions; vf; vf = vf->hh.next)
		learn(sn, &vf->known);
	for (f = d->control->functions; f; f = f->hh.next)
		if (catalogue_find(d, f->domain, f->spec.name, &here))
			teach(sn, &here);
	catalogue_each_removed(d, teach_removed, sn);
}

/**
 * sync_told() - a node has told one of its functions
 * @s: the controller
 * @result: of the act
 */
void sync_told(struct steer *s, const json_t *result)
{
	const char *domain = json_string_value(json_object_get(result, "domain"));
	const char *name = json_string_value(json_object_get(result, "name"));
	uint64_t revision = json_integer_value(json_object_get(result, "revision"));
	json_t *given = json_object_get(result, "spec"), *copy;
	struct known here;
	struct spec spec = { 0 };
	char error[SPEC_ERROR];

	if (!domain || !name || !json_is_object(given) || !medes_name_valid(domain) ||
	    (catalogue_find(s->daemon, domain, name, &here) && here.revision >= revision))
		return;
	copy = json_deep_copy(given);
	if (!copy || spec_parse(&spec, copy, error))
		log_error("controller: function %s of another node is no good: %s", name,
			  copy ? error : "no memory");
	else
		catalogue_put(s->daemon, domain, &spec, revision);
	json_decref(copy);
}

/* A change goes out at once; whoever does not hear of it now will by his report. */
static void spread_word(struct steer *s, const char *domain, const char *name)
{
	struct known here;
	struct steer_node *sn;

	for (sn = s->nodes; sn; sn = sn->hh.next)
		if (!sn->self && sn->view && catalogue_find(s->daemon, domain, name, &here))
			tell(sn, &here);
	steer_soon(s);
}

/**
 * sync_put() - have a function in the cluster, or on this node if it is in none
 * @d: the daemon, which leads if there is a controller
 * @domain: its domain
 * @spec: taken over and cleared
 */
int sync_put(struct daemon *d, const char *domain, struct spec *spec)
{
	bool leads = steer_leads(d->steer);
	char name[MEDES_NAME_SIZE];
	int err;

	strcpy(name, spec->name);
	err = catalogue_put(d, domain, spec, leads ? catalogue_next(d, d->steer->epoch) : 0);
	if (leads && !err)
		spread_word(d->steer, domain, name);
	return err;
}

/* The same for one that shall be no more. */
int sync_remove(struct daemon *d, const char *domain, const char *name)
{
	bool leads = steer_leads(d->steer);
	char own_domain[MEDES_NAME_SIZE], own_name[MEDES_NAME_SIZE];
	int err;

	/* they may be the function's own */
	strcpy(own_domain, domain);
	strcpy(own_name, name);
	err = catalogue_remove(d, own_domain, own_name,
			       leads ? catalogue_next(d, d->steer->epoch) : 0);
	if (leads && !err)
		spread_word(d->steer, own_domain, own_name);
	return err;
}
