// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Offers as JSON, and back. What another node says is checked like anything that comes in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "offer.h"
#include "text.h"

#define OFFERS_MAX 65536

/**
 * offers_json() - for others
 * @offers: bases
 * @n: how many
 */
json_t *offers_json(const struct offer *offers, size_t n)
{
	json_t *array = json_array(), *one;

	for (; n; n--, offers++) {
		one = json_pack("{s:o,s:o,s:o,s:I,s:I,s:b,s:b,s:s,s:s,s:s}",
				"base", medes_json_id(offers->base),
				"generation", medes_json_id(offers->generation),
				"digest", medes_json_id(offers->digest),
				"pages", (json_int_t)offers->pages,
				"leases", (json_int_t)offers->leases,
				"retired", offers->retired, "restore", offers->restore,
				"name", offers->name,
				"domain", offers->domain, "function", offers->function);
		json_array_append_new(array, one);
	}
	return array;
}

static bool take_id(const char *text, uint64_t *id)
{
	char *end;

	errno = 0;
	*id = strtoull(text, &end, 0);
	return *id && !*end && !errno && *text >= '0' && *text <= '9';
}

static bool take_name(const char *text, char name[MEDES_NAME_SIZE], bool must)
{
	if (!*text && !must) {
		*name = '\0';
		return true;
	}
	if (!medes_name_valid(text))
		return false;
	strcpy(name, text);
	return true;
}

static bool take(const json_t *value, struct offer *out)
{
	const char *base, *generation, *digest, *name, *domain, *function;
	json_int_t pages, leases;
	int retired, restore;

	memset(out, 0, sizeof(*out));
	if (json_unpack((json_t *)value, "{s:s,s:s,s:s,s:I,s:I,s:b,s:b,s:s,s:s,s:s}", "base", &base,
			"generation", &generation, "digest", &digest, "pages", &pages,
			"leases", &leases, "retired", &retired, "restore", &restore, "name", &name,
			"domain", &domain, "function", &function))
		return false;
	if (pages < 1 || pages > UINT32_MAX || leases < 0 || leases > UINT32_MAX)
		return false;
	out->pages = pages;
	out->leases = leases;
	out->retired = retired;
	out->restore = restore;
	return take_id(base, &out->base) && take_id(generation, &out->generation) &&
	       take_id(digest, &out->digest) && take_name(name, out->name, true) &&
	       take_name(domain, out->domain, true) && take_name(function, out->function, false);
}

/**
 * offers_parse() - what another node has
 * @array: as offers_json() made it; keys that are not known are left alone
 * @offers: receives them, to be freed; NULL when there are none
 * @n: receives how many
 * @error: receives what is wrong
 * @size: of @error, bytes
 *
 * Return: 0, -EPROTO, -ENOMEM; nothing is given when it is not 0.
 */
int offers_parse(const json_t *array, struct offer **offers, size_t *n, char *error, size_t size)
{
	size_t i, count = json_array_size(array);
	struct offer *all = NULL;

	*offers = NULL;
	*n = 0;
	if (!json_is_array(array) || count > OFFERS_MAX) {
		snprintf(error, size, "\"bases\" is no array of at most %d", OFFERS_MAX);
		return -EPROTO;
	}
	if (!count)
		return 0;
	all = calloc(count, sizeof(*all));
	if (!all) {
		snprintf(error, size, "no memory for %zu bases", count);
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		if (take(json_array_get(array, i), &all[i]))
			continue;
		snprintf(error, size, "entry %zu of \"bases\" makes no sense", i);
		free(all);
		return -EPROTO;
	}
	*offers = all;
	*n = count;
	return 0;
}

const struct offer *offers_find(const struct offer *offers, size_t n, uint64_t base,
				uint64_t generation)
{
	for (; n; n--, offers++)
		if (offers->base == base && offers->generation == generation)
			return offers;
	return NULL;
}
