// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which revision of a function somebody has, and how that is written. It is the same on disk and
 * between nodes.
 */
#include <errno.h>
#include <stdio.h>
#include "known.h"
#include "text.h"

/**
 * known_init() - a function of which nothing is known yet
 * @k: filled in
 * @domain: its domain
 * @name: its name
 */
void known_init(struct known *k, const char *domain, const char *name)
{
	*k = (struct known){ 0 };
	snprintf(k->key, sizeof(k->key), "%s/%s", domain, name);
	snprintf(k->domain, sizeof(k->domain), "%s", domain);
	snprintf(k->name, sizeof(k->name), "%s", name);
}

/**
 * known_parse() - what known_json() has written, maybe elsewhere
 * @k: filled in
 * @row: an object, which may have more keys
 *
 * Return: 0, or -EINVAL when it makes no sense.
 */
int known_parse(struct known *k, const json_t *row)
{
	const char *domain, *name;
	json_int_t revision;
	int removed;

	if (json_unpack((json_t *)row, "{s:s,s:s,s:I,s:b}", "domain", &domain, "name", &name,
			"revision", &revision, "removed", &removed) || revision < 0 ||
	    !medes_name_valid(domain) || !medes_name_valid(name))
		return -EINVAL;
	known_init(k, domain, name);
	k->revision = revision;
	k->removed = removed;
	return 0;
}

json_t *known_json(const struct known *k)
{
	return json_pack("{s:s,s:s,s:I,s:b}", "domain", k->domain, "name", k->name,
			 "revision", (json_int_t)k->revision, "removed", k->removed);
}
