// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node role's reactions.
 *
 * The node role keeps no list of sandboxes or bases of its own: after a crash, after
 * lost events and after the module was loaded anew, the kernel's lists say all
 * there is to know. What has to be rebuilt is the registry. The controller role
 * hears of what concerns its boxes (host.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include "badness.h"
#include "cluster.h"
#include "host.h"
#include "job.h"
#include "log.h"
#include "node.h"
#include "nodes.h"
#include "ops.h"
#include "registry.h"
#include "text.h"

#define LOSSES_LOGGED 5			/* each so long */
#define LOSSES_PERIOD_US (10 * US_PER_S)

static void forget(struct daemon *d, const struct medes_sandbox *sandbox)
{
	struct medes_nl *nl = kernel_nl(d->kernel);

	jobs_sandbox_gone(d->jobs, sandbox->id, "the sandbox's processes have gone");
	if (nl && medes_sandbox_del(nl, sandbox->id))
		log_debug("sandbox %s: %s", sandbox->name, nl->error);
	else
		log_info("sandbox %s has no process any more; removed", sandbox->name);
}

static void on_sandbox(const struct medes_sandbox *sandbox, void *arg)
{
	struct daemon *d = arg;

	if (d->badness)
		badness_soon(d->badness);
	if (sandbox->state == MEDES_SANDBOX_STATE_DEAD)
		forget(arg, sandbox);
	else if (sandbox->state == MEDES_SANDBOX_STATE_LOST)
		log_error("sandbox %s has lost pages: end it, it must not serve any more",
			  sandbox->name);
	else
		log_debug("sandbox %s is %s", sandbox->name,
			  medes_sandbox_state_name(sandbox->state));
	host_sandbox(((struct daemon *)arg)->host, sandbox);
}

static void on_learned(int err, const char *error, void *arg)
{
	struct registry_stats stats;
	struct daemon *d = arg;

	if (err) {
		log_error("cannot read the bases: %s", error);
		return;
	}
	registry_stats(d->registry, &stats);
	log_info("%zu bases with %zu pages", stats.bases, stats.pages);
	sd_notifyf(0, "STATUS=Module loaded, %zu bases with %zu pages known.", stats.bases,
		   stats.pages);
}

/* Read the lists, as after a start. */
static void relist(struct daemon *d)
{
	struct medes_nl *nl = kernel_nl(d->kernel);
	struct medes_sandboxes list;
	size_t i;

	d->learned.fn = on_learned;
	d->learned.arg = d;
	bases_sync(d->bases, &d->learned);
	if (medes_sandbox_list(nl, &list)) {
		log_error("cannot list the sandboxes: %s", nl->error);
		return;
	}
	for (i = 0; i < list.n; i++)
		if (list.v[i].state >= MEDES_SANDBOX_STATE_LOST)
			on_sandbox(&list.v[i], d);
		else
			host_sandbox(d->host, &list.v[i]);
	log_info("%zu sandboxes", list.n);
	medes_sandboxes_clear(&list);
}

static void on_up(void *arg)
{
	struct daemon *d = arg;

	cluster_up(d);
	relist(d);
	sharing_soon(d->nodes);
}

static void on_down(void *arg)
{
	struct daemon *d = arg;

	jobs_down(d->jobs, "the kernel module was unloaded");
	host_down(d->host);
	bases_down(d->bases);
	sharing_down(d->nodes);
	sd_notify(0, "STATUS=Waiting for the kernel module (modprobe medes).");
}

static void on_op(const struct medes_op *op, void *arg)
{
	struct daemon *d = arg;

	log_debug("operation %u %s: %s, %" PRIu64 " of %" PRIu64 " pages", op->id,
		  medes_op_kind_name(op->kind), medes_op_state_name(op->state), op->done,
		  op->total);
	jobs_op(d->jobs, op);
	host_op(d->host, op);
}

/* Thousands may be lost at once: the first ones tell why, counters tell how many. */
static bool is_logged(struct daemon *d)
{
	uint64_t now = clock_now(d->clock);

	if (!d->losses_logged || now - d->losses_since > LOSSES_PERIOD_US) {
		d->losses_since = now;
		d->losses_logged = 0;
	}
	if (d->losses_logged++ == LOSSES_LOGGED)
		log_error("more pages are lost; medesctl sandbox show NAME says how many");
	return d->losses_logged <= LOSSES_LOGGED;
}

static void on_loss(const struct medes_loss *loss, void *arg)
{
	struct medes_sandbox sandbox = { 0 };
	struct daemon *d = arg;
	struct medes_nl *nl = kernel_nl(d->kernel);
	char page[40] = "a page";	/* restoring everything goes by records, not by addresses */
	bool known;

	if (!is_logged(d))
		return;
	known = loss->sandbox && !medes_sandbox_get(nl, loss->sandbox, &sandbox);
	if (loss->address)
		snprintf(page, sizeof(page), "the page at 0x%" PRIx64, loss->address);
	log_error("lost %s of %s%s: %s record, %s; touching it gives SIGBUS", page,
		  known ? "sandbox " : "a process outside of sandboxes", known ? sandbox.name : "",
		  medes_encoding_name(loss->encoding), medes_loss_reason_name(loss->reason));
	if (known)
		medes_sandbox_clear(&sandbox);
}

static void on_peer(void *arg)
{
	struct daemon *d = arg;

	sharing_soon(d->nodes);
}

static void on_overrun(void *arg)
{
	struct daemon *d = arg;

	jobs_overrun(d->jobs);
	host_overrun(d->host);
	relist(d);
}

const struct kernel_handlers node_handlers = {
	.up = on_up,
	.down = on_down,
	.op = on_op,
	.sandbox = on_sandbox,
	.loss = on_loss,
	.peer = on_peer,
	.overrun = on_overrun,
};
