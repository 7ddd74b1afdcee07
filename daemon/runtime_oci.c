// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The OCI runtime: crun makes a container of a bundle, and takes away what is left of it.
 *
 *	SANDBOX/		the cell: frozen, measured and killed as a whole; the spec's limits
 *	SANDBOX/runtime/	crun itself, so that it, too, ends with the cell
 *	SANDBOX/container/	the container: the bundle's limits
 *
 * crun works on a configuration that was made of the bundle's for this one sandbox; the
 * bundle itself is only read.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bundle.h"
#include "crun.h"
#include "function.h"
#include "host.h"
#include "log.h"
#include "runtime.h"
#include "spawn.h"

#define SUBUID "/etc/subuid"
#define SUBGID "/etc/subgid"

/* What is under way. */
struct run {
	struct command *command;
	bool deletes;			/* it does, or has */
	bool cleaned;
};

static struct crun crun_of(const struct local *l)
{
	return (struct crun){ .socket = l->host->daemon->config.socket, .name = l->box->name };
}

static int check(const struct spec *spec, char error[CONTROL_ERROR])
{
	json_t *config = bundle_read(spec->bundle, spec->command, error);

	if (!config)
		return -EINVAL;
	json_decref(config);
	return 0;
}

static void set_ids(struct bundle_order *order, const struct local *l)
{
	const struct spec *spec = &l->box->function->spec;
	uint32_t uid = spec->uid >= 0 ? spec->uid : l->host->uid;
	uint32_t gid = spec->gid >= 0 ? spec->gid : l->host->gid;
	const struct passwd *user = getpwuid(uid);

	order->uids = subids_of(SUBUID, uid, user ? user->pw_name : NULL);
	order->gids = subids_of(SUBGID, gid, user ? user->pw_name : NULL);
}

/* The bundle's configuration for this sandbox; a new reference. */
static json_t *configure(struct local *l, char *error)
{
	const struct spec *spec = &l->box->function->spec;
	char top[PATH_MAX], cgroup[PATH_MAX];
	struct bundle_order order = {
		.name = l->box->name, .cgroup = cgroup, .port = l->port,
		.command = spec->command, .env = spec->env,
	};
	json_t *config;

	if (!l->cell.path[0] || cgroup_root(top, sizeof(top))) {
		cgroup_fail(error, -ENOENT, "the runtime oci needs cgroup v2; the log says what is wrong with it");
		return NULL;
	}
	snprintf(cgroup, sizeof(cgroup), "%.3000s/container", l->cell.path + strlen(top));
	set_ids(&order, l);
	config = bundle_read(spec->bundle, spec->command, error);
	if (!config || !bundle_fit(config, &order, error))
		return config;
	json_decref(config);
	return NULL;
}

/* The process that crun made; it may have ended since. */
static int find_process(struct local *l, const struct crun *crun)
{
	pid_t pid = crun_pid(crun);
	struct cgroup cgroup;

	if (pid <= 1 || cgroup_of_process(&cgroup, pid) ||
	    !cgroup_below(cgroup.path, l->cell.path))
		return -ESRCH;
	return local_lives(l, pid);
}

static void on_made(int status, void *arg)
{
	struct local *l = arg;
	struct run *run = l->run;
	struct crun crun = crun_of(l);
	char why[CONTROL_ERROR];

	run->command = NULL;
	if (status)
		crun_complaint(&crun, status, why);
	else if (find_process(l, &crun))
		snprintf(why, sizeof(why), "its process ended at once; its output may say why");
	else if (l->box->state == BOX_STARTING && local_probe(l))
		snprintf(why, sizeof(why), "no memory to ask whether it is ready");
	else
		return;
	local_excuse(l, why);
	local_ends(l);
}

static struct run *run_of(struct local *l)
{
	if (!l->run)
		l->run = calloc(1, sizeof(struct run));
	return l->run;
}

static int make(struct local *l, const struct crun *crun, char *error)
{
	const struct spec *spec = &l->box->function->spec;
	const struct host *host = l->host;
	struct run *run = run_of(l);
	struct cgroup cell;
	struct command_order order = { .cell = &cell, .timeout = spec->start_timeout };

	if (!run)
		return cgroup_fail(error, -ENOMEM, "no memory for a container");
	if (cell_nest(&l->cell, "runtime", &cell, error))
		return -EIO;
	order.output = spawn_log(crun->name);
	if (order.output < 0)
		return cgroup_fail(error, -EMFILE, "no descriptor for its output");
	run->command = crun_run(crun, spec->bundle, host->daemon->events, &order, on_made, l,
				error);
	close(order.output);
	return run->command ? 0 : -EIO;
}

static int start(struct local *l, char error[CONTROL_ERROR])
{
	json_t *config = configure(l, error);
	struct crun crun = crun_of(l);
	int err;

	if (!config)
		return -EINVAL;
	err = crun_make_files(&crun, config);
	json_decref(config);
	if (err)
		cgroup_fail(error, err, "cannot write a container's configuration beside the socket: %s",
			    strerror(-err));
	else
		err = make(l, &crun, error);
	if (err)
		crun_remove_files(&crun);
	return err;
}

static void on_deleted(int status, void *arg)
{
	struct local *l = arg;
	struct run *run = l->run;
	struct crun crun = crun_of(l);

	/* it has not, if it was killed before there was anything */
	if (status)
		log_debug("crun delete %s ended with status %d", l->box->name, status);
	run->command = NULL;
	run->cleaned = true;
	crun_remove_files(&crun);
	local_later(l);
}

static bool clean(struct local *l)
{
	struct crun crun = crun_of(l);
	char error[CONTROL_ERROR];
	struct run *run = run_of(l);

	if (!run || run->cleaned)
		return true;
	if (run->deletes)
		return false;
	/* killed with the cell while it made the container */
	command_free(run->command);
	run->deletes = true;
	run->command = crun_delete(&crun, l->host->daemon->events, on_deleted, l, error);
	if (run->command)
		return false;
	log_error("container %s: %s", l->box->name, error);
	crun_remove_files(&crun);
	return true;
}

static void forget(struct local *l)
{
	struct run *run = l->run;

	if (!run)
		return;
	command_free(run->command);
	free(run);
	l->run = NULL;
}

static void orphan(struct host *host, const char *name)
{
	const struct crun crun = { .socket = host->daemon->config.socket, .name = name };

	crun_delete_now(&crun);
}

const struct runtime runtime_oci = {
	.name = "oci",
	.memory_limit = "memory_bytes, or linux.resources.memory of its bundle",
	.check = check,
	.start = start,
	.clean = clean,
	.forget = forget,
	.orphan = orphan,
};
