// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Function specs.
 *
 * One table says which keys there are and what they may hold; anything else is
 * refused by name, because a misspelt limit that is silently ignored is found only
 * when it matters. Strings stay where jansson has them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "policy.h"
#include "spec.h"
#include "text.h"

enum type { NAME, ABSOLUTE, TEXT, NUMBER, LARGE, FLAG, COMMAND, STRINGS, RUNTIME };

struct key {
	const char *name;
	enum type type;
	size_t offset;
	json_int_t min;
	json_int_t max;
};

#define AT(member) offsetof(struct spec, member)

#define HOUR_MS 3600000

static const struct key keys[] = {
	{ "name", NAME, AT(name), 0, 0 },
	{ "command", COMMAND, AT(command), 0, 0 },
	{ "runtime", RUNTIME, AT(runtime), 0, 0 },
	{ "bundle", ABSOLUTE, AT(bundle), 0, 0 },
	{ "env", STRINGS, AT(env), 0, 0 },
	{ "directory", ABSOLUTE, AT(directory), 0, 0 },
	{ "uid", LARGE, AT(uid), 0, UINT32_MAX - 1 },
	{ "gid", LARGE, AT(gid), 0, UINT32_MAX - 1 },
	{ "memory_bytes", LARGE, AT(memory), 1 << 20, 1LL << 50 },
	{ "cpu_percent", NUMBER, AT(cpu_percent), 1, 102400 },
	{ "pids", NUMBER, AT(pids), 1, 1 << 22 },
	{ "concurrency", NUMBER, AT(concurrency), 1, 1000 },
	{ "max_sandboxes", NUMBER, AT(max_sandboxes), 1, 10000 },
	{ "ready_path", TEXT, AT(ready_path), 0, 0 },
	{ "start_timeout_ms", NUMBER, AT(start_timeout), 1, HOUR_MS },
	{ "request_timeout_ms", NUMBER, AT(request_timeout), 1, HOUR_MS },
	{ "queue_length", NUMBER, AT(queue_length), 0, 100000 },
	{ "queue_timeout_ms", NUMBER, AT(queue_timeout), 1, HOUR_MS },
	{ "idempotent", FLAG, AT(idempotent), 0, 0 },
	{ "policy", STRINGS, AT(policy), 0, 0 },
};

static int fail(char error[SPEC_ERROR], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(char error[SPEC_ERROR], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, SPEC_ERROR, format, args);
	va_end(args);
	return -EINVAL;
}

static int set_name(struct spec *spec, json_t *value, char *error)
{
	const char *name = json_string_value(value);

	if (!name || !medes_name_valid(name) || strlen(name) > SPEC_NAME_MAX)
		return fail(error, "name: \"%.80s\" is no name for a function: want 1 to %d letters, digits and ._:@+-, the first no . or -",
			    name ? name : "(no string)", SPEC_NAME_MAX);
	strcpy(spec->name, name);
	return 0;
}

/* What goes to execve() and into a request line has no zero or control character. */
static int set_text(const struct key *key, json_t *value, const char **out, char *error)
{
	const char *text = json_string_value(value);
	const char *c;

	if (!text)
		return fail(error, "%s: want a string", key->name);
	for (c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 127)
			return fail(error, "%s: \"%.80s\" has a blank or control character",
				    key->name, text);
	if ((key->type == ABSOLUTE && *text != '/') || (*text && *text != '/') ||
	    strlen(text) > 1024)
		return fail(error, "%s: want an absolute path of at most 1024 characters, not \"%.80s\"",
			    key->name, text);
	*out = text;
	return 0;
}

static int set_integer(const struct key *key, json_t *value, void *out, char *error)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < key->min || n > key->max)
		return fail(error, "%s: want an integer from %lld to %lld", key->name,
			    (long long)key->min, (long long)key->max);
	if (key->type == LARGE)
		*(int64_t *)out = n;
	else
		*(unsigned int *)out = n;
	return 0;
}

static int set_command(json_t *value, const json_t **out, char *error)
{
	size_t i, n = json_array_size(value);

	if (!n || n > 1024)
		return fail(error, "command: want an array of 1 to 1024 strings");
	for (i = 0; i < n; i++)
		if (!json_is_string(json_array_get(value, i)))
			return fail(error, "command: number %zu is no string", i + 1);
	if (*json_string_value(json_array_get(value, 0)) != '/')
		return fail(error, "command: the program must be an absolute path, not \"%.80s\"",
			    json_string_value(json_array_get(value, 0)));
	*out = value;
	return 0;
}

static int set_strings(const struct key *key, json_t *value, const json_t **out, char *error)
{
	const char *name;
	json_t *item;

	if (!json_is_object(value) || json_object_size(value) > 1024)
		return fail(error, "%s: want an object of at most 1024 strings", key->name);
	json_object_foreach(value, name, item)
		if (!json_is_string(item) || !*name || strchr(name, '='))
			return fail(error, "%s: \"%.80s\" must have a name without = and a string as value",
				    key->name, name);
	*out = value;
	return 0;
}

static int set_runtime(json_t *value, const char **out, char *error)
{
	const char *name = json_string_value(value);

	if (!name || (strcmp(name, "process") && strcmp(name, "oci")))
		return fail(error, "runtime: want \"process\" or \"oci\", not \"%.40s\"",
			    name ? name : "(no string)");
	*out = name;
	return 0;
}

static int set(struct spec *spec, const struct key *key, json_t *value, char *error)
{
	void *to = (char *)spec + key->offset;

	switch (key->type) {
	case NAME:
		return set_name(spec, value, error);
	case ABSOLUTE:
	case TEXT:
		return set_text(key, value, to, error);
	case NUMBER:
	case LARGE:
		return set_integer(key, value, to, error);
	case COMMAND:
		return set_command(value, to, error);
	case STRINGS:
		return set_strings(key, value, to, error);
	case RUNTIME:
		return set_runtime(value, to, error);
	default:
		if (!json_is_boolean(value))
			return fail(error, "%s: want true or false", key->name);
		*(bool *)to = json_is_true(value);
		return 0;
	}
}

/* Do the parameters exist, and are the values good? */
static int check_policy(const struct spec *spec, char *error)
{
	struct policy_params params;
	char why[256];
	const char *name;
	json_t *value;

	policy_params_default(&params);
	json_object_foreach((json_t *)spec->policy, name, value)
		if (policy_params_set(&params, name, json_string_value(value), why, sizeof(why)))
			return fail(error, "policy: %s", why);
	return 0;
}

/* A bundle says itself what it needs; what would be ignored is refused. */
static int check_runtime(const struct spec *spec, json_t *body, char *error)
{
	bool oci = !strcmp(spec->runtime, "oci");

	if (oci && !spec->bundle)
		return fail(error, "bundle: runtime \"oci\" wants the path of a bundle");
	if (!oci && spec->bundle)
		return fail(error, "bundle: it is for \"runtime\": \"oci\" only");
	if (oci && json_object_get(body, "directory"))
		return fail(error, "directory: a container's is process.cwd of its bundle");
	return 0;
}

static void defaults(struct spec *spec)
{
	*spec = (struct spec){
		.runtime = "process",
		.directory = "/",
		.ready_path = "/healthz",
		.uid = -1,
		.gid = -1,
		.concurrency = 1,
		.max_sandboxes = 100,
		.start_timeout = 30000,
		.request_timeout = 60000,
		.queue_length = 100,
		.queue_timeout = 30000,
	};
}

/**
 * spec_parse() - check a spec
 * @spec: receives it, to be cleared by the caller; it was empty
 * @body: a JSON object, whose reference is kept
 * @error: receives why not
 */
int spec_parse(struct spec *spec, json_t *body, char error[SPEC_ERROR])
{
	struct spec new;
	const char *name;
	json_t *value;
	size_t i;
	int err;

	defaults(&new);
	if (!json_is_object(body))
		return fail(error, "a function's spec is a JSON object");
	json_object_foreach(body, name, value) {
		for (i = 0; i < ARRAY_SIZE(keys) && strcmp(keys[i].name, name); i++)
			;
		if (i == ARRAY_SIZE(keys))
			return fail(error, "a function's spec has no key \"%.80s\"", name);
		err = set(&new, &keys[i], value, error);
		if (err)
			return err;
	}
	if (!new.name[0])
		return fail(error, "the function has no name");
	err = check_runtime(&new, body, error);
	if (!err)
		err = check_policy(&new, error);
	if (err)
		return err;
	new.json = json_incref(body);
	*spec = new;
	return 0;
}

void spec_clear(struct spec *spec)
{
	json_decref(spec->json);
	*spec = (struct spec){ 0 };
}
