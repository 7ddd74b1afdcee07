// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OCI bundles: is it one, and can it be a function? What the runtime's own checks would
 * only say when the first request waits for it is said here, in words about the bundle.
 *
 * The specification: https://github.com/opencontainers/runtime-spec, config.md and
 * config-linux.md.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "bundle.h"
#include "cgroup.h"

#define fail(error, ...) cgroup_fail(error, -EINVAL, __VA_ARGS__)

static bool strings(const json_t *array)
{
	size_t i;

	for (i = 0; i < json_array_size(array); i++)
		if (!json_is_string(json_array_get(array, i)))
			return false;
	return json_array_size(array);
}

static int check_version(const json_t *config, char *error)
{
	const char *version = json_string_value(json_object_get(config, "ociVersion"));

	if (version && !strncmp(version, "1.", 2))
		return 0;
	return fail(error, "ociVersion: want \"1.x\", not \"%.20s\"", version ? version : "(none)");
}

static int check_process(const json_t *config, const json_t *command, char *error)
{
	const json_t *process = json_object_get(config, "process");

	if (!json_is_object(process))
		return fail(error, "process: it does not say what runs");
	if (json_is_true(json_object_get(process, "terminal")))
		return fail(error, "process.terminal: a function has no terminal; set it to false");
	if (!command && !strings(json_object_get(process, "args")))
		return fail(error, "process.args: want an array of strings, the command");
	return 0;
}

/* The root file system becomes an absolute path. */
static int check_root(json_t *config, const char *directory, char *error)
{
	json_t *root = json_object_get(config, "root");
	const char *given = json_string_value(json_object_get(root, "path"));
	char path[PATH_MAX];
	struct stat st;

	if (!given || !*given)
		return fail(error, "root.path: it names no root file system");
	if (snprintf(path, sizeof(path), "%s%s%s", *given == '/' ? "" : directory,
		     *given == '/' ? "" : "/", given) >= (int)sizeof(path))
		return fail(error, "root.path is too long");
	if (stat(path, &st))
		return fail(error, "root.path: %.160s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fail(error, "root.path: %.160s is no directory", path);
	return json_object_set_new(root, "path", json_string(path)) ? -ENOMEM : 0;
}

static json_t *find_namespace(const json_t *spaces, const char *wanted)
{
	size_t i;

	for (i = 0; i < json_array_size(spaces); i++) {
		const char *type = json_string_value(json_object_get(json_array_get(spaces, i),
								     "type"));

		if (type && !strcmp(type, wanted))
			return json_array_get(spaces, i);
	}
	return NULL;
}

static int check_namespaces(const json_t *config, char *error)
{
	static const char *const needed[] = { "pid", "mount" };
	static const char *const own[] = { "pid", "mount", "user", "network" };
	const json_t *spaces = json_object_get(json_object_get(config, "linux"), "namespaces");
	const json_t *space;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!find_namespace(spaces, needed[i]))
			return fail(error, "linux.namespaces: there is none of type \"%s\"",
				    needed[i]);
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		space = find_namespace(spaces, own[i]);
		if (space && json_object_get(space, "path"))
			return fail(error, "linux.namespaces: \"%s\" has a path: a function joins no namespace%s",
				    own[i], strcmp(own[i], "network") ? "" :
				    ", and is reached at 127.0.0.1 of this machine");
	}
	return 0;
}

/**
 * bundle_read() - look at a bundle
 * @directory: the bundle, an absolute path
 * @command: what shall run instead of its process.args, or NULL
 * @error: receives why it will not do
 */
json_t *bundle_read(const char *directory, const json_t *command, char error[CONTROL_ERROR])
{
	char path[PATH_MAX], why[CONTROL_ERROR];
	json_error_t where;
	json_t *config;
	struct stat st;
	int err;

	if (snprintf(path, sizeof(path), "%s/config.json", directory) >= (int)sizeof(path)) {
		fail(error, "bundle: its path is too long");
		return NULL;
	}
	if (stat(path, &st) || !S_ISREG(st.st_mode)) {
		fail(error, "bundle: %.150s is no OCI bundle: it has no config.json", directory);
		return NULL;
	}
	config = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(config)) {
		fail(error, "bundle: %.120s: %.80s (line %d)", path,
		     config ? "want a JSON object" : where.text, config ? 1 : where.line);
		goto err;
	}
	err = check_version(config, why);
	if (!err)
		err = check_process(config, command, why);
	if (!err)
		err = check_root(config, directory, why);
	if (!err && !json_is_object(json_object_get(config, "linux")))
		err = fail(why, "linux: it is missing, and no other platform will do");
	if (!err)
		err = check_namespaces(config, why);
	if (!err)
		return config;
	cgroup_fail(error, err, "bundle: %.80s: %.160s", path, why);
err:
	json_decref(config);
	return NULL;
}

/* Those of the bundle, those of the spec over them, ours over both. */
static void set_variable(json_t *env, const char *name, const char *value)
{
	size_t len = strlen(name), i;

	for (i = json_array_size(env); i-- > 0;) {
		const char *old = json_string_value(json_array_get(env, i));

		if (!old || (!strncmp(old, name, len) && old[len] == '='))
			json_array_remove(env, i);
	}
	json_array_append_new(env, json_sprintf("%s=%s", name, value));
}

static void set_env(json_t *process, const struct bundle_order *order)
{
	json_t *env = json_object_get(process, "env"), *value;
	const char *name;
	char port[16];

	if (!json_is_array(env)) {
		json_object_set_new(process, "env", json_array());
		env = json_object_get(process, "env");
	}
	json_object_foreach((json_t *)order->env, name, value)
		set_variable(env, name, json_string_value(value));
	snprintf(port, sizeof(port), "%u", order->port);
	set_variable(env, "PORT", port);
	set_variable(env, "MEDES_SANDBOX", order->name);
}

/* It is reached at this machine's 127.0.0.1. */
static void share_network(json_t *spaces)
{
	const json_t *network = find_namespace(spaces, "network");
	size_t i;

	for (i = 0; i < json_array_size(spaces); i++)
		if (json_array_get(spaces, i) == network)
			json_array_remove(spaces, i--);
}

/* The file system of terminals wants a group that need not exist inside. */
static void drop_unmapped_group(json_t *config, const struct subids *gids)
{
	json_t *mounts = json_object_get(config, "mounts"), *options;
	const char *text;
	size_t i, k;

	for (i = 0; i < json_array_size(mounts); i++) {
		options = json_object_get(json_array_get(mounts, i), "options");
		for (k = 0; k < json_array_size(options); k++) {
			text = json_string_value(json_array_get(options, k));
			if (text && !strncmp(text, "gid=", 4) &&
			    !subids_have(gids, strtoll(text + 4, NULL, 10)))
				json_array_remove(options, k--);
		}
	}
}

/* A bundle without a user namespace gets one: its root is no root here. */
static int map_ids(json_t *config, const struct bundle_order *order, char *error)
{
	json_t *linux_ = json_object_get(config, "linux");
	json_t *user = json_object_get(json_object_get(config, "process"), "user");
	json_int_t uid = json_integer_value(json_object_get(user, "uid"));
	json_int_t gid = json_integer_value(json_object_get(user, "gid"));

	if (find_namespace(json_object_get(linux_, "namespaces"), "user"))
		return 0;
	if (!subids_have(&order->uids, uid))
		return fail(error, "bundle: process.user.uid is %lld, and /etc/subuid gives user %u no such id: want 0 to %u",
			    (long long)uid, order->uids.own, order->uids.count);
	if (!subids_have(&order->gids, gid))
		return fail(error, "bundle: process.user.gid is %lld, and /etc/subgid gives group %u no such id: want 0 to %u",
			    (long long)gid, order->gids.own, order->gids.count);
	json_array_append_new(json_object_get(linux_, "namespaces"),
			      json_pack("{s:s}", "type", "user"));
	json_object_set_new(linux_, "uidMappings", subids_json(&order->uids));
	json_object_set_new(linux_, "gidMappings", subids_json(&order->gids));
	drop_unmapped_group(config, &order->gids);
	return 0;
}

/**
 * bundle_fit() - make a bundle's configuration that of one sandbox
 * @config: from bundle_read()
 * @order: the sandbox
 * @error: receives why not
 */
int bundle_fit(json_t *config, const struct bundle_order *order, char error[CONTROL_ERROR])
{
	json_t *process = json_object_get(config, "process");
	json_t *linux_ = json_object_get(config, "linux");
	json_t *spaces = json_object_get(linux_, "namespaces");

	set_env(process, order);
	if (order->command)
		json_object_set(process, "args", (json_t *)order->command);
	if (find_namespace(spaces, "uts"))
		json_object_set_new(config, "hostname", json_string(order->name));
	json_object_set_new(linux_, "cgroupsPath", json_string(order->cgroup));
	share_network(spaces);
	return map_ids(config, order, error);
}
