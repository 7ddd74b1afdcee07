// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The crun command. What it has to say goes into a file, a line of JSON each, so that it
 * does not get between the lines of the container, whose output is crun's.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "crun.h"
#include "proc.h"

#define DELETE_MS 10000
#define LOG_MAX 8192

static void path_of(char path[PATH_MAX], const struct crun *crun, const char *what,
		    const char *name, const char *file)
{
	const char *slash = strrchr(crun->socket, '/');

	snprintf(path, PATH_MAX, "%.*s/%s%s%s%s", slash ? (int)(slash - crun->socket) : 1,
		 slash ? crun->socket : ".", what, *name ? "/" : "", name, file);
}

static void file_of(char path[PATH_MAX], const struct crun *crun, const char *file)
{
	path_of(path, crun, "oci", crun->name, file);
}

static void remove_tree(const char *path)
{
	char *roots[] = { (char *)path, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_DP)
			rmdir(entry->fts_accpath);
		else if (entry->fts_info != FTS_D)
			unlink(entry->fts_accpath);
	if (tree)
		fts_close(tree);
}

void crun_remove_files(const struct crun *crun)
{
	char path[PATH_MAX];

	file_of(path, crun, "");
	remove_tree(path);
	/* crun has done so, unless it was killed while it made the container */
	path_of(path, crun, "oci.state", crun->name, "");
	remove_tree(path);
}

int crun_make_files(const struct crun *crun, const json_t *config)
{
	char path[PATH_MAX];
	int fd, err;

	path_of(path, crun, "oci", "", "");
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	file_of(path, crun, "");
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	file_of(path, crun, "/config.json");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = json_dumpfd(config, fd, JSON_COMPACT) ? -EIO : 0;
	close(fd);
	return err;
}

struct command *crun_run(const struct crun *crun, const char *bundle, struct event_base *events,
			 const struct command_order *order, command_fn done, void *arg,
			 char error[CONTROL_ERROR])
{
	char state[PATH_MAX], log[PATH_MAX + 8] = "file:", config[PATH_MAX], pid[PATH_MAX];
	const char *const argv[] = {
		"crun", "--root", state, "--cgroup-manager=cgroupfs", "--log-format=json", "--log", log,
		"run", "--detach", "--no-new-keyring", "--bundle", bundle, "--config", config,
		"--pid-file", pid, crun->name, NULL,
	};
	struct command_order whole = *order;

	path_of(state, crun, "oci.state", "", "");
	file_of(log + strlen(log), crun, "/log");
	file_of(config, crun, "/config.json");
	file_of(pid, crun, "/pid");
	whole.argv = argv;
	return command_start(events, &whole, done, arg, error);
}

/* The order points to the other two. */
static void order_deletion(const struct crun *crun, char state[PATH_MAX], const char *argv[8],
			   struct command_order *order)
{
	const char *const words[8] = {
		"crun", "--root", state, "--cgroup-manager=cgroupfs", "delete", "--force",
		crun->name, NULL,
	};

	path_of(state, crun, "oci.state", "", "");
	memcpy(argv, words, sizeof(words));
	*order = (struct command_order){
		.argv = argv, .output = STDERR_FILENO, .timeout = DELETE_MS,
	};
}

struct command *crun_delete(const struct crun *crun, struct event_base *events, command_fn done,
			    void *arg, char error[CONTROL_ERROR])
{
	struct command_order order;
	char state[PATH_MAX];
	const char *argv[8];

	order_deletion(crun, state, argv, &order);
	return command_start(events, &order, done, arg, error);
}

void crun_delete_now(const struct crun *crun)
{
	struct command_order order;
	char state[PATH_MAX];
	const char *argv[8];

	path_of(state, crun, "oci.state", crun->name, "");
	if (!access(state, F_OK)) {
		order_deletion(crun, state, argv, &order);
		command_run(&order);
	}
	crun_remove_files(crun);
}

/**
 * crun_complaint() - why was no container made
 * @crun: the container
 * @status: of crun; negative: it was killed
 * @why: receives the last thing that it said
 */
void crun_complaint(const struct crun *crun, int status, char why[CONTROL_ERROR])
{
	char path[PATH_MAX], text[LOG_MAX], *line;
	const char *message = NULL;
	json_t *json = NULL;
	ssize_t len;

	file_of(path, crun, "/log");
	len = medes_file_read(path, text, sizeof(text));
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len > 0) {
		line = strrchr(text, '\n');
		json = json_loads(line ? line + 1 : text, 0, NULL);
		message = json_string_value(json_object_get(json, "msg"));
	}
	if (message)
		snprintf(why, CONTROL_ERROR, "crun: %.200s", message);
	else if (status < 0)
		snprintf(why, CONTROL_ERROR, "crun was killed, or did not end within start_timeout_ms");
	else
		snprintf(why, CONTROL_ERROR, "crun ended with status %d", status);
	json_decref(json);
}

pid_t crun_pid(const struct crun *crun)
{
	char path[PATH_MAX], text[32];

	file_of(path, crun, "/pid");
	if (medes_file_read(path, text, sizeof(text)) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}
