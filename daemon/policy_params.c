// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A policy's parameters by name and text: one table says what there is, what it
 * may hold and how it is written, for the configuration, the HTTP interface and
 * the command line alike.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include "medes.h"
#include "policy.h"
#include "units.h"

enum type { PERIOD, NUMBER, WHOLE, OBJECTIVE };

struct key {
	const char *name;
	enum type type;
	size_t offset;
	double min;			/* of a period: s */
	double max;
};

#define AT(member) offsetof(struct policy_params, member)
#define YEAR (366.0 * 86400)

static const struct key keys[] = {
	{ "interval", PERIOD, AT(interval), 0.001, 3600 },
	{ "idle", PERIOD, AT(idle), 0, YEAR },
	{ "keep_alive", PERIOD, AT(keep_alive), 0, YEAR },
	{ "keep_dedup", PERIOD, AT(keep_dedup), 0, YEAR },
	{ "window", PERIOD, AT(window), 0.001, 86400 },
	{ "objective", OBJECTIVE, AT(objective), 0, 0 },
	{ "alpha", NUMBER, AT(alpha), 0, 1e6 },
	{ "base_threshold", NUMBER, AT(base_threshold), 1, 1e6 },
	{ "first_base", WHOLE, AT(first_base), 1, 1e6 },
	{ "headroom", NUMBER, AT(headroom), 0, 90 },
	{ "pressure", NUMBER, AT(pressure), 0, 100 },
	{ "head", NUMBER, AT(head), 0, 100 },
	{ "tail", NUMBER, AT(tail), 0, 100 },
	{ "margin", NUMBER, AT(margin), 0, 99 },
	{ "spread", NUMBER, AT(spread), 0, 100 },
	{ "beyond", NUMBER, AT(beyond), 0, 100 },
	{ "samples", WHOLE, AT(samples), 1, 1e6 },
};

static const char *const objectives[] = {
	[POLICY_MEMORY] = "memory", [POLICY_LATENCY] = "latency",
};

/**
 * policy_params_default() - what holds when nothing else is said
 * @params: filled in
 */
void policy_params_default(struct policy_params *params)
{
	*params = (struct policy_params){
		.interval = US_PER_S,
		.idle = 60 * US_PER_S,
		.keep_alive = 600 * US_PER_S,
		.keep_dedup = 7200 * US_PER_S,
		.window = 60 * US_PER_S,
		.objective = POLICY_MEMORY,
		.alpha = 2.5,
		.base_threshold = 40,
		.first_base = 3,
		.headroom = 5,
		.pressure = 10,
		.head = 5,
		.tail = 99,
		.margin = 10,
		.spread = 2,
		.beyond = 50,
		.samples = 10,
	};
}

/**
 * policy_params_scale() - make every period shorter or longer
 * @params: changed
 * @factor: over 0; 0.1 makes a minute six seconds
 */
void policy_params_scale(struct policy_params *params, double factor)
{
	uint64_t *period;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].type != PERIOD)
			continue;
		period = (void *)((char *)params + keys[i].offset);
		*period = fmax(round(*period * factor), 1);
	}
}

/* KeepAlive, the form of the configuration file, is keep_alive. */
static bool is_name(const char *given, const char *name)
{
	for (;; name++, given++) {
		if (*name == '_' && *given != '_')
			name++;
		if (tolower((unsigned char)*given) != *name)
			return false;
		if (!*name)
			return true;
	}
}

static const struct key *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_name(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static int unknown(const char *key, char *error, size_t size)
{
	size_t len, i;

	snprintf(error, size, "unknown parameter \"%.40s\"; there are", key);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		len = strlen(error);
		snprintf(error + len, size - len, "%s %s", i ? "," : "", keys[i].name);
	}
	return -ENOENT;
}

static int set_objective(struct policy_params *params, const char *value, char *error, size_t size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(objectives); i++) {
		if (strcmp(value, objectives[i]))
			continue;
		params->objective = i;
		return 0;
	}
	snprintf(error, size, "objective=%.40s: want memory (P1) or latency (P2)", value);
	return -EINVAL;
}

/**
 * policy_params_set() - one parameter from text
 * @params: changed only when the value is good
 * @key: its name, as in the table or with capitals in place of underscores
 * @value: the text
 * @error: receives what was wrong
 * @size: of @error, bytes
 *
 * Return: 0, -ENOENT (no such parameter), -EINVAL or -ERANGE.
 */
int policy_params_set(struct policy_params *params, const char *key, const char *value,
		      char *error, size_t size)
{
	static const char *const forms[] = {
		[PERIOD] = "a time with ms, s, min or h", [NUMBER] = "a number",
		[WHOLE] = "a whole number",
	};
	const struct key *k = find(key);
	void *to;
	double n;

	if (!k)
		return unknown(key, error, size);
	if (k->type == OBJECTIVE)
		return set_objective(params, value, error, size);
	n = units_parse(value, k->type == PERIOD ? units_seconds : units_none, k->type == WHOLE);
	if (!(n >= k->min && n <= k->max)) {
		snprintf(error, size, "%s=%.40s: want %s, %.10g to %.10g%s", k->name, value,
			 forms[k->type], k->min, k->max, k->type == PERIOD ? " s" : "");
		return isnan(n) ? -EINVAL : -ERANGE;
	}
	to = (char *)params + k->offset;
	if (k->type == PERIOD)
		*(uint64_t *)to = round(n * US_PER_S);
	else if (k->type == WHOLE)
		*(unsigned int *)to = n;
	else
		*(double *)to = n;
	return 0;
}

/* In the form that policy_params_set() takes. */
static json_t *text(const struct policy_params *params, const struct key *k)
{
	const void *from = (const char *)params + k->offset;

	switch (k->type) {
	case PERIOD:
		if (*(uint64_t *)from % US_PER_S)
			return json_sprintf("%.10gms", *(uint64_t *)from / 1e3);
		return json_sprintf("%.10gs", *(uint64_t *)from / 1e6);
	case NUMBER:
		return json_sprintf("%.10g", *(double *)from);
	case WHOLE:
		return json_sprintf("%u", *(unsigned int *)from);
	default:
		return json_string(objectives[params->objective]);
	}
}

/**
 * policy_params_json() - all parameters
 * @params: the parameters
 *
 * Return: an object of texts that policy_params_set() takes; NULL for lack of memory.
 */
json_t *policy_params_json(const struct policy_params *params)
{
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!json_object_set_new(all, keys[i].name, text(params, &keys[i])))
			continue;
		json_decref(all);
		return NULL;
	}
	return all;
}
