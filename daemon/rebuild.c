// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * After a restart: what sandboxes are there?
 *
 * The cgroups say, by their marks: one for each box that the daemon ran, wherever it was when
 * the daemon was killed. What sleeps and has deduplicated pages stays asleep; everything else
 * goes on, and is asked whether it can serve, since it may still be busy with a request of
 * before. What belongs to no function is ended, so nothing is orphaned. Adopted ones
 * are found through the kernel's list.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "function.h"
#include "host.h"
#include "kernel.h"
#include "log.h"
#include "members.h"
#include "ops.h"
#include "proc.h"

struct mark {
	const char *name, *runtime, *function, *domain, *address;
	json_int_t pid, start_time, port;
	int adopted, watched;
};

static bool read_mark(const json_t *json, struct mark *mark)
{
	*mark = (struct mark){ .runtime = "process" };
	return !json_unpack((json_t *)json, "{s:s,s?s,s:s,s:s,s:I,s:I,s:I,s:b,s?b,s:s}",
			    "name", &mark->name, "runtime", &mark->runtime, "function", &mark->function,
			    "domain", &mark->domain, "pid", &mark->pid,
			    "start_time", &mark->start_time, "port", &mark->port,
			    "adopted", &mark->adopted, "watched", &mark->watched, "address", &mark->address);
}

/* Names go on behind the highest number that is there. */
static void note_serial(struct control *c, const char *name)
{
	const char *dash = strrchr(name, '-');
	unsigned long n = dash ? strtoul(dash + 1, NULL, 10) : 0;

	if (n > c->serial && n < UINT32_MAX)
		c->serial = n;
}

static void remove_orphan(struct host *host, const struct cgroup *cell, const char *why)
{
	int tries, err = -EBUSY;
	const struct timespec pause = { .tv_nsec = 10000000 };

	log_notice("ending %s: %s", cell->path, why);
	cell_kill(cell);
	runtimes_orphan(host, strrchr(cell->path, '/') + 1);
	for (tries = 0; tries < 200 && err == -EBUSY; tries++) {
		err = cell_remove(cell);
		if (err == -EBUSY)
			nanosleep(&pause, NULL);
	}
	if (err)
		log_error("cannot remove %s: %s", cell->path, strerror(-err));
}

/* What the kernel has of a box. */
struct found {
	uint32_t id;			/* 0: nothing */
	bool dedup;
	bool lost;
	bool stranded;
	bool orphaned;
};

static struct found find_sandbox(struct daemon *d, const char *name)
{
	struct medes_nl *nl = kernel_nl(d->kernel);
	struct medes_sandbox sandbox;
	struct found found = { 0 };

	if (!nl || medes_sandbox_find(nl, name, &sandbox))
		return found;
	found.id = sandbox.id;
	found.dedup = medes_stats_pages(&sandbox.stats);
	found.lost = sandbox.state == MEDES_SANDBOX_STATE_LOST;
	found.stranded = sandbox.stats.v[MEDES_A_STATS_PAGES_UNREACHABLE];
	found.orphaned = sandbox.stats.v[MEDES_A_STATS_PAGES_ORPHANED];
	medes_sandbox_clear(&sandbox);
	return found;
}

/* Where it goes on. */
static void resume(struct local *l, const struct found *found)
{
	struct box *box = l->box;
	char error[CONTROL_ERROR];
	double whole;

	if (box->watched && watch_add(l->host->watcher, l, error))
		log_warning("sandbox %s: %s", box->name, error);
	box_stranded(box, found->stranded, found->orphaned);
	if (found->lost) {
		box_set(box, BOX_IDLE);
		box_lost(box, "pages of it were lost while medesd did not run");
	} else if ((cell_asleep(&l->cell) || box->watched) && found->dedup) {
		box_set(box, BOX_DEDUP);
		box->memory_dedup = sleep_memory(l, &whole);
	} else {
		sleep_wake(l);
		box->unmeasured = true;
		if (box->adopted)
			box_set(box, BOX_IDLE);
		else if (local_probe(l))
			local_fail(l, "no memory to ask whether it is ready");
	}
	log_info("sandbox %s of %s is taken over, %s", box->name, box->function->spec.name,
		 box_state_name(box->state));
}

static int take_over(struct daemon *d, struct function *f, const struct mark *mark,
		     const struct cgroup *cell)
{
	struct box *box = box_find(d->control, mark->name) ? NULL : box_new(f, mark->name);
	struct local *l = box && runtime_find(mark->runtime) ? local_new(d->host, box) : NULL;
	struct found found;

	if (!l)
		return -ENOMEM;
	l->cell = *cell;
	l->ours = !mark->adopted;
	l->runtime = runtime_find(mark->runtime);
	l->pid = mark->pid;
	l->start_time = mark->start_time;
	l->port = mark->port;
	box->adopted = mark->adopted;
	box->watched = mark->watched;
	box->pid = mark->pid;
	snprintf(box->address, sizeof(box->address), "%s", mark->address);
	found = find_sandbox(d, box->name);
	l->sandbox = found.id;
	if (l->port)
		l->lines = lines_new(d->events, l->port, d->config.invoke_answer);
	/* its main process has ended: its end goes the usual way */
	if ((l->port && !l->lines) || local_watch(l)) {
		snprintf(l->why, sizeof(l->why), "its process ended while medesd did not run");
		l->end_due = true;
		box->told = true;
		if (l->ours)
			cell_kill(&l->cell);
		local_later(l);
		return 0;
	}
	resume(l, &found);
	return 0;
}

static void look_at(struct daemon *d, const struct cgroup *cell)
{
	json_t *json = cell_read_mark(cell);
	struct function *f = NULL;
	struct mark mark;

	if (json && read_mark(json, &mark)) {
		note_serial(d->control, mark.name);
		f = function_find(d->control, mark.domain, mark.function);
	}
	if (!json)
		remove_orphan(d->host, cell, "it was not finished when medesd ended");
	else if (!f || (!spec_starts(&f->spec) && !mark.adopted))
		remove_orphan(d->host, cell, "its function is not known");
	else if (take_over(d, f, &mark, cell))
		remove_orphan(d->host, cell, "no memory for it, or its name is taken");
	json_decref(json);
}

static void look_at_cells(struct daemon *d)
{
	const struct cgroup *root = &d->host->cells.root;
	struct cgroup cell;
	struct dirent *entry;
	DIR *dir = root->path[0] ? opendir(root->path) : NULL;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && *entry->d_name != '.' &&
		    snprintf(cell.path, sizeof(cell.path), "%s/%s", root->path,
			     entry->d_name) < (int)sizeof(cell.path))
			look_at(d, &cell);
	if (dir)
		closedir(dir);
}

static void look_at_adopted(struct daemon *d)
{
	struct medes_nl *nl = kernel_nl(d->kernel);
	struct medes_sandboxes list;
	struct cgroup cgroup;
	struct function *f;
	struct mark mark;
	json_t *json;
	size_t i;

	if (!nl || medes_sandbox_list(nl, &list))
		return;
	for (i = 0; i < list.n; i++) {
		note_serial(d->control, list.v[i].name);
		if (box_find(d->control, list.v[i].name) || members_cgroup(&list.v[i], &cgroup))
			continue;
		json = cell_read_mark(&cgroup);
		if (json && read_mark(json, &mark) && mark.adopted &&
		    !strcmp(mark.name, list.v[i].name)) {
			f = function_find(d->control, mark.domain, mark.function);
			if (!f || take_over(d, f, &mark, &cgroup))
				log_warning("sandbox %s was adopted once, and is not known any more",
					    list.v[i].name);
		}
		json_decref(json);
	}
	medes_sandboxes_clear(&list);
}

/* Bases are named after the boxes that they were made of, which may be long gone. */
static void look_at_bases(struct daemon *d)
{
	struct medes_nl *nl = kernel_nl(d->kernel);
	struct medes_bases list;
	size_t i;

	if (!nl || medes_base_list(nl, &list))
		return;
	for (i = 0; i < list.n; i++)
		note_serial(d->control, list.v[i].name);
	medes_bases_clear(&list);
}

/**
 * rebuild() - take over what an earlier daemon left
 * @d: the daemon; functions are loaded, and the module is connected if it is there
 */
void rebuild(struct daemon *d)
{
	look_at_bases(d);
	look_at_cells(d);
	look_at_adopted(d);
}
