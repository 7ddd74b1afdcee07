// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OCI bundles: which are refused and in what words, and what of a good one becomes different
 * for a sandbox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "bundle.h"

static char dir[] = "/tmp/test-bundle.XXXXXX";
static char error[CONTROL_ERROR];

#define GOOD \
	"{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"rootfs\"}, \"hostname\": \"old\"," \
	" \"process\": {\"terminal\": false, \"user\": {\"uid\": 0, \"gid\": 0}, \"cwd\": \"/\"," \
	"  \"args\": [\"/bin/true\"], \"env\": [\"PATH=/bin\", \"PORT=1\", \"A=old\"]}," \
	" \"mounts\": [{\"destination\": \"/dev/pts\", \"options\": [\"nosuid\", \"gid=5\"]}]," \
	" \"linux\": {\"cgroupsPath\": \"/elsewhere\", \"resources\": {\"pids\": {\"limit\": 9}}," \
	"  \"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"uts\"}, {\"type\": \"mount\"}]}}"

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The good one, with a value put in at a path of two keys, or one; NULL takes it away. */
static void put_changed(const char *outer, const char *inner, const char *value)
{
	json_t *config = json_loads(GOOD, 0, NULL);
	json_t *object = inner ? json_object_get(config, outer) : config;
	const char *key = inner ? inner : outer;
	char *text;

	if (value)
		json_object_set_new(object, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(object, key);
	text = json_dumps(config, 0);
	put("config.json", text);
	free(text);
	json_decref(config);
}

static void refused(const char *words)
{
	error[0] = '\0';
	assert_null(bundle_read(dir, NULL, error));
	if (!strstr(error, words))
		fail_msg("\"%s\" is not in \"%s\"", words, error);
}

static void bad_bundles_are_refused_in_words(void **state)
{
	static const struct {
		const char *outer, *inner, *value, *words;
	} bad[] = {
		{ "ociVersion", NULL, "\"2.0\"", "ociVersion: want \"1.x\"" },
		{ "ociVersion", NULL, NULL, "(none)" },
		{ "process", NULL, NULL, "process: it does not say" },
		{ "process", "terminal", "true", "process.terminal: a function has no terminal" },
		{ "process", "args", "[]", "process.args: want an array" },
		{ "process", "args", "[1]", "process.args: want an array" },
		{ "root", NULL, NULL, "root.path: it names no" },
		{ "root", "path", "\"none\"", "root.path: " },
		{ "root", "path", "\"file\"", "is no directory" },
		{ "linux", NULL, NULL, "linux: it is missing" },
		{ "linux", "namespaces", "[{\"type\": \"pid\"}]", "there is none of type \"mount\"" },
		{ "linux", "namespaces", "[{\"type\": \"mount\"}, {\"type\": \"pid\"},"
		  " {\"type\": \"network\", \"path\": \"/run/netns/a\"}]", "127.0.0.1 of this machine" },
		{ "linux", "namespaces", "[{\"type\": \"mount\"}, {\"type\": \"pid\", \"path\": \"/proc/1/ns/pid\"}]",
		  "joins no namespace" },
	};
	size_t i;

	(void)state;
	put("file", "");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_changed(bad[i].outer, bad[i].inner, bad[i].value);
		refused(bad[i].words);
	}
	put("config.json", "{\"a\": 1,\n");
	refused("near end of file (line 2)");
	put("config.json", "[]");
	refused("want a JSON object");
	assert_null(bundle_read("/nowhere", NULL, error));
	assert_non_null(strstr(error, "it has no config.json"));
}

static void command_stands_for_missing_arguments(void **state)
{
	json_t *command = json_pack("[s]", "/bin/other"), *config;

	(void)state;
	put_changed("process", "args", NULL);
	refused("process.args");
	config = bundle_read(dir, command, error);
	assert_non_null(config);
	json_decref(config);
	json_decref(command);
}

static bool has_string(const json_t *array, const char *text)
{
	size_t i;

	for (i = 0; i < json_array_size(array); i++)
		if (!strcmp(json_string_value(json_array_get(array, i)), text))
			return true;
	return false;
}

static const char *type_at(const json_t *spaces, size_t i)
{
	return json_string_value(json_object_get(json_array_get(spaces, i), "type"));
}

static void sandbox_gets_port_cgroup_ids_and_the_network(void **state)
{
	json_t *env = json_pack("{s:s,s:s}", "A", "new", "PORT", "2");
	const struct bundle_order order = {
		.name = "box-1", .cgroup = "/medes/box-1/container", .port = 20001, .env = env,
		.uids = { .own = 65534 }, .gids = { .own = 65533, .first = 100000, .count = 3 },
	};
	json_t *config, *process, *linux_, *spaces, *map;
	char root[128];

	(void)state;
	put("config.json", GOOD);
	config = bundle_read(dir, NULL, error);
	assert_non_null(config);
	assert_int_equal(bundle_fit(config, &order, error), 0);
	process = json_object_get(config, "process");
	linux_ = json_object_get(config, "linux");
	spaces = json_object_get(linux_, "namespaces");

	snprintf(root, sizeof(root), "%s/rootfs", dir);
	assert_string_equal(json_string_value(json_object_get(json_object_get(config, "root"), "path")),
			    root);
	assert_string_equal(json_string_value(json_object_get(config, "hostname")), "box-1");
	assert_string_equal(json_string_value(json_object_get(linux_, "cgroupsPath")), order.cgroup);
	assert_int_equal(json_array_size(json_object_get(process, "env")), 4);
	assert_true(has_string(json_object_get(process, "env"), "PATH=/bin"));
	assert_true(has_string(json_object_get(process, "env"), "A=new"));
	assert_true(has_string(json_object_get(process, "env"), "PORT=20001"));
	assert_true(has_string(json_object_get(process, "env"), "MEDES_SANDBOX=box-1"));
	assert_true(has_string(json_object_get(process, "args"), "/bin/true"));

	assert_int_equal(json_array_size(spaces), 4);
	assert_string_equal(type_at(spaces, 1), "uts");
	assert_string_equal(type_at(spaces, 3), "user");
	assert_int_equal(json_array_size(json_object_get(linux_, "uidMappings")), 1);
	map = json_array_get(json_object_get(linux_, "gidMappings"), 1);
	assert_int_equal(json_integer_value(json_object_get(map, "containerID")), 1);
	assert_int_equal(json_integer_value(json_object_get(map, "hostID")), 100000);
	assert_int_equal(json_integer_value(json_object_get(map, "size")), 3);
	/* group 5 is none of them, and the bundle's own limits stay */
	assert_int_equal(json_array_size(json_object_get(json_array_get(json_object_get(config, "mounts"), 0),
							 "options")), 1);
	assert_non_null(json_object_get(json_object_get(linux_, "resources"), "pids"));
	json_decref(config);
	json_decref(env);
}

static void users_that_are_not_mapped_are_refused(void **state)
{
	struct bundle_order order = { .name = "a", .cgroup = "/a", .uids = { .own = 7 } };
	json_t *config;

	(void)state;
	put_changed("process", "user", "{\"uid\": 33, \"gid\": 0}");
	config = bundle_read(dir, NULL, error);
	assert_int_not_equal(bundle_fit(config, &order, error), 0);
	assert_non_null(strstr(error, "process.user.uid is 33, and /etc/subuid gives user 7 no such id"));
	json_decref(config);
	order.uids = (struct subids){ .own = 7, .first = 1000, .count = 33 };
	config = bundle_read(dir, NULL, error);
	assert_int_equal(bundle_fit(config, &order, error), 0);
	json_decref(config);
}

static void own_user_namespace_stays(void **state)
{
	const struct bundle_order order = { .name = "a", .cgroup = "/a" };
	json_t *config, *linux_;

	(void)state;
	put_changed("linux", "namespaces",
		    "[{\"type\": \"pid\"}, {\"type\": \"mount\"}, {\"type\": \"user\"}]");
	config = bundle_read(dir, NULL, error);
	linux_ = json_object_get(config, "linux");
	json_object_set_new(linux_, "uidMappings", json_string("its own"));
	assert_int_equal(bundle_fit(config, &order, error), 0);
	assert_string_equal(json_string_value(json_object_get(linux_, "uidMappings")), "its own");
	json_decref(config);
}

static void subordinate_ids_are_the_users_first_range(void **state)
{
	char path[128];
	struct subids ids;

	(void)state;
	put("subuid", "# comment\nother:5000:10\nme:0:10\nme:4294967295:10\nme:x:y\nme:100000:65536\n"
	    "me:9:9\n77:300:4\n");
	snprintf(path, sizeof(path), "%s/subuid", dir);
	ids = subids_of(path, 12, "me");
	assert_int_equal(ids.own, 12);
	assert_int_equal(ids.first, 100000);
	assert_int_equal(ids.count, 65536);
	assert_true(subids_have(&ids, 0) && subids_have(&ids, 65536));
	assert_false(subids_have(&ids, 65537) || subids_have(&ids, -1));
	assert_int_equal(subids_of(path, 77, NULL).first, 300);
	assert_int_equal(subids_of(path, 78, "nobody").count, 0);
	assert_int_equal(subids_of("/nowhere", 78, "nobody").count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_bundles_are_refused_in_words),
		cmocka_unit_test(command_stands_for_missing_arguments),
		cmocka_unit_test(sandbox_gets_port_cgroup_ids_and_the_network),
		cmocka_unit_test(users_that_are_not_mapped_are_refused),
		cmocka_unit_test(own_user_namespace_stays),
		cmocka_unit_test(subordinate_ids_are_the_users_first_range),
	};
	char path[128], command[128];
	int failed;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rootfs", dir);
	mkdir(path, 0755);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) || failed;
}
