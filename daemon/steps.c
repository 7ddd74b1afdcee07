// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What jobs do, step by step.
 *
 * Restore:	one operation of the kernel.
 * Dedup:	prepare, freeze, attach, scan, choose, store.
 * Base:	prepare, look at other sandboxes of the function, freeze, attach, scan,
 *		split; pages that a base has already, and those that nobody else
 *		has anything like, are stored, one of each of the others is
 *		demarcated into the new base; the registry learns the new base;
 *		then scan, choose, store for what is left, the own base included.
 *
 * A step that needs to wait begins something whose callback goes on with the
 * job; the others call job_next() themselves. The module is there as long as a
 * job runs: when it goes, jobs_down() ends them all first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "engine.h"
#include "job.h"
#include "kernel.h"
#include "log.h"
#include "members.h"
#include "ops.h"

static struct medes_nl *nl_of(const struct job *job)
{
	return kernel_nl(job->daemon->kernel);
}

static void on_learned(int err, const char *error, void *arg)
{
	struct job *job = arg;

	if (err)
		job_fail(job, "cannot read the bases: %s", error);
	else
		job_next(job);
}

/* The registry learns of bases that others made, and of our own. */
static void learn(struct job *job)
{
	job->learned.fn = on_learned;
	job->learned.arg = job;
	bases_sync(job->daemon->bases, &job->learned);
}

static void on_frozen(int err, const char *error, void *arg)
{
	struct job *job = arg;

	/* the kernel verifies each page, so it is only slower without */
	if (err) {
		log_warning("job %u goes on with a running sandbox: %s", job->id, error);
		freezer_release(&job->freezer);
	}
	job_next(job);
}

static void freeze(struct job *job)
{
	const struct config *config = &job->daemon->config;
	struct medes_sandbox sandbox;
	struct cgroup cgroup;
	int err;

	if (medes_sandbox_get(nl_of(job), job->sandbox_id, &sandbox)) {
		job_fail(job, "%s", nl_of(job)->error);
		return;
	}
	err = members_cgroup(&sandbox, &cgroup);
	medes_sandbox_clear(&sandbox);
	if (err || !config->freeze || job->thawed)
		job_next(job);
	else if (freezer_start(&job->freezer, job->daemon->events, &cgroup,
			       config->freeze_timeout, on_frozen, job))
		job_fail(job, "no memory to freeze the sandbox");
}

/* Later forks of a cgroup's processes come in. */
static void attach(struct job *job)
{
	char error[MEDES_NL_ERROR];

	if (members_refresh(nl_of(job), job->sandbox_id, error))
		job_fail(job, "%s", error);
	else
		job_next(job);
}

static void on_witnessed(int err, const char *error, void *arg)
{
	struct job *job = arg;

	if (err)
		job_fail(job, "cannot look at sandboxes of the same function: %s", error);
	else
		job_next(job);
}

/* What do other sandboxes of this function have? */
static void witness(struct job *job)
{
	const struct witness_of of = {
		.sandbox = job->sandbox_id, .domain = job->domain, .function = job->function,
	};

	if (witness_start(&job->witness, job->daemon, &of, on_witnessed, job))
		job_fail(job, "%s", nl_of(job)->error);
}

static bool goes_on(const struct job *job)
{
	uint32_t pages, end;

	engine_has(job->daemon->engine, job->usage.next.base, &pages, &end);
	return usage_goes_on(&job->usage, pages, end);
}

static int on_found(const struct medes_page *pages, size_t n, const struct candidates *found,
		    void *arg)
{
	const struct candidate *pick;
	bool seen[SCAN_BATCH];
	struct job *job = arg;
	size_t i;
	int err = 0;

	witness_ask(&job->witness, pages, n, seen);
	for (i = 0; i < n && !err; i++) {
		pick = choose(&job->usage, &found[i], goes_on(job));
		err = plan_add(&job->plan, &pages[i], pick, job->daemon->config.strong_share,
			       !seen[i]);
	}
	return err;
}

static int on_pages(const struct medes_page *pages, size_t n, void *arg)
{
	struct job *job = arg;
	int err = search_ask(&job->search, pages, n);

	if (job->search.n >= SEARCH_MAX)
		scan_pause(job->scan, true);
	return err;
}

static void end_scan(struct job *job)
{
	job->scanned += job->plan.n;
	job_next(job);
}

/* An answer came late: go on with what waits for it. */
static void on_turn(void *arg)
{
	struct job *job = arg;

	if (job->search.err)
		job_fail(job, "cannot look pages up: %s", strerror(-job->search.err));
	else if (!job->all_scanned && job->search.n < SEARCH_MAX)
		scan_pause(job->scan, false);
	else if (job->all_scanned && !job->search.n)
		end_scan(job);
}

static void on_again(void *arg)
{
	struct job *job = arg;

	search_clear(&job->search);
	plan_clear(&job->plan);
	usage_clear(&job->usage);
}

static void on_scanned(int err, const char *error, void *arg)
{
	struct job *job = arg;

	if (err) {
		job_fail(job, "cannot scan the sandbox: %s", error);
		return;
	}
	scan_free(job->scan);
	job->scan = NULL;
	job->all_scanned = true;
	if (!job->search.n)
		end_scan(job);
}

static void scan(struct job *job)
{
	static const struct scan_handlers handlers = {
		.pages = on_pages, .again = on_again, .done = on_scanned,
	};

	on_again(job);
	search_init(&job->search, job->daemon->engine, job->domain);
	job->search.found = on_found;
	job->search.turn = on_turn;
	job->search.arg = job;
	job->all_scanned = false;
	job->scan = scan_start(job->daemon->events, job->sandbox_id, &handlers, job);
	if (!job->scan)
		job_fail(job, "no memory for a scan");
}

static void order(struct job *job)
{
	plan_sort(&job->plan);
	job->spared += plan_spare_huge(&job->plan, job->daemon->config.huge_pages_min);
	job_next(job);
}

static void split(struct job *job)
{
	plan_sort(&job->plan);
	if (plan_split(&job->plan)) {
		job_fail(job, "no memory to order %zu pages", job->plan.n);
		return;
	}
	/* counted by the second scan, which sees them again */
	plan_spare_huge(&job->plan, job->daemon->config.huge_pages_min);
	job_next(job);
}

static void on_stored(int err, const char *error, void *arg)
{
	struct job *job = arg;

	job_fold_store(job);
	if (err)
		job_fail(job, "%s", error);
	else
		job_next(job);
}

static void start_store(struct job *job, enum plan_action action, store_fn done)
{
	const struct store_order order = {
		.plan = &job->plan,
		.action = action,
		.sandbox = job->sandbox_id,
		.base = job->base,
		.in_flight = job->daemon->config.ops_in_flight,
		.mode = job->daemon->config.mode,
	};

	job->targeted += plan_count(&job->plan, action);
	job->store = store_start(job->daemon->events, nl_of(job), &order, done, job);
	if (!job->store)
		job_fail(job, "no memory to store pages");
}

static void store(struct job *job)
{
	start_store(job, PLAN_STORE, on_stored);
}

/* A base that got no page is of no use to anybody. */
static void drop_if_empty(struct job *job)
{
	struct medes_bases list;
	size_t i;

	if (medes_base_list(nl_of(job), &list))
		return;
	for (i = 0; i < list.n; i++)
		if (list.v[i].id == job->base && !list.v[i].pages &&
		    !medes_base_del(nl_of(job), job->base))
			job->base = 0;
	medes_bases_clear(&list);
}

static void on_demarcated(int err, const char *error, void *arg)
{
	struct job *job = arg;

	job->demarcated = store_stored(job->store);
	drop_if_empty(job);
	on_stored(err, error, arg);
}

static void demarcate(struct job *job)
{
	struct medes_base base;

	if (!plan_count(&job->plan, PLAN_DEMARCATE)) {
		job_next(job);
		return;
	}
	if (medes_base_new(nl_of(job), job->base_name, job->domain, job->function, &base)) {
		job_fail(job, "cannot make base \"%s\": %s", job->base_name, nl_of(job)->error);
		return;
	}
	job->base = base.id;
	start_store(job, PLAN_DEMARCATE, on_demarcated);
}

static void restore(struct job *job)
{
	const struct store_order order = {
		.sandbox = job->sandbox_id,
		.working_set = job->working_set,
		.in_flight = 1,
	};

	job->store = store_start(job->daemon->events, nl_of(job), &order, on_stored, job);
	if (!job->store)
		job_fail(job, "no memory to restore pages");
}

const struct job_step job_restore_steps[] = {
	{ "restore", restore }, { NULL, NULL },
};

const struct job_step job_dedup_steps[] = {
	{ "prepare", learn }, { "freeze", freeze }, { "attach", attach }, { "scan", scan },
	{ "choose", order }, { "store", store }, { NULL, NULL },
};

const struct job_step job_base_steps[] = {
	{ "prepare", learn }, { "witness", witness }, { "freeze", freeze }, { "attach", attach },
	{ "scan", scan }, { "split", split }, { "demarcate", demarcate }, { "store", store }, { "index", learn },
	{ "scan", scan }, { "choose", order }, { "store", store }, { NULL, NULL },
};
