// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * STATE/functions/DOMAIN/NAME.json. Names of domains and functions have no slash and do not
 * begin with a dot.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "function.h"
#include "log.h"
#include "persist.h"
#include "specs.h"
#include "text.h"

#define SUFFIX ".json"

static int make_directory(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int domain_path(char path[PATH_MAX], const char *state, const char *domain, bool make)
{
	int err = 0;

	if (make)
		err = make_directory(state);
	snprintf(path, PATH_MAX, "%s/functions", state);
	if (make && !err)
		err = make_directory(path);
	snprintf(path, PATH_MAX, "%s/functions/%s", state, domain);
	if (make && !err)
		err = make_directory(path);
	return err;
}

int specs_save(const char *state, const char *domain, const struct spec *spec)
{
	char directory[PATH_MAX], name[MEDES_NAME_SIZE + sizeof(SUFFIX)];
	int err = domain_path(directory, state, domain, true);

	snprintf(name, sizeof(name), "%s" SUFFIX, spec->name);
	return err ? err : persist_save(directory, name, spec->json);
}

int specs_remove(const char *state, const char *domain, const char *name)
{
	char directory[PATH_MAX], path[PATH_MAX + 128];

	domain_path(directory, state, domain, false);
	snprintf(path, sizeof(path), "%s/%s" SUFFIX, directory, name);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

static void load_one(struct control *control, const char *domain, const char *path)
{
	char error[SPEC_ERROR];
	json_error_t why;
	struct spec spec = { 0 };
	json_t *body = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (!body)
		log_error("%s: %s (line %d)", path, why.text, why.line);
	else if (spec_parse(&spec, body, error))
		log_error("%s: %s", path, error);
	else if (!function_put(control, domain, &spec))
		log_error("%s: no memory", path);
	json_decref(body);
}

static bool has_suffix(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return *name != '.' && len > suffix && !strcmp(name + len - suffix, SUFFIX);
}

static void load_domain(struct control *control, const char *state, const char *domain)
{
	char directory[PATH_MAX], path[2 * PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	domain_path(directory, state, domain, false);
	dir = opendir(directory);
	while (dir && (entry = readdir(dir))) {
		if (!has_suffix(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		load_one(control, domain, path);
	}
	if (dir)
		closedir(dir);
}

/**
 * specs_load() - add the functions that an earlier daemon had
 * @state: directory
 * @control: receives them; files that are no good are left alone, with a line in the log
 */
void specs_load(const char *state, struct control *control)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/functions", state);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (medes_name_valid(entry->d_name))
			load_domain(control, state, entry->d_name);
	if (dir)
		closedir(dir);
}
