// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl unload: bring every page back, drop every object, unload the module.
 *
 * Before anything is changed, the memory that the pages will need is compared
 * with what is available: a machine that ran out of it half way would kill
 * processes. Pages that cannot be rebuilt hold the module for as long as their
 * owners live; --kill-lost ends those.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "json.h"
#include "link.h"
#include "print.h"
#include "proc.h"
#include "text.h"

/* Left for everybody else, beyond what the pages need. */
#define MARGIN (64ULL << 20)
#define TRIES 20
#define PAUSE_US 100000

static int available_bytes(uint64_t *out)
{
	char text[4096], *line;
	ssize_t len = medes_file_read("/proc/meminfo", text, sizeof(text));

	line = len > 0 ? strstr(text, "\nMemAvailable:") : NULL;
	if (!line || sscanf(line, "\nMemAvailable: %" SCNu64, out) != 1) {
		complain("cannot read MemAvailable from /proc/meminfo");
		return -EIO;
	}
	*out *= 1024;
	return 0;
}

/* Is there room for what would come back? */
static int check_room(struct medes_nl *nl, struct medes_features *features)
{
	char need_text[MEDES_TEXT_SIZE], have_text[MEDES_TEXT_SIZE];
	uint64_t need, have;
	int err;

	err = medes_features_get(nl, features);
	if (err) {
		complain("%s", nl->error);
		return err;
	}
	err = available_bytes(&have);
	if (err)
		return err;
	need = medes_stats_pages(&features->stats) * features->page_size;
	if (!need || need + MARGIN <= have)
		return 0;
	complain("%" PRIu64 " pages would come back and need %s (and %llu MiB spare), but %s are available; end sandboxes or free memory first",
		 medes_stats_pages(&features->stats), medes_text_bytes(need_text, need),
		 MARGIN >> 20, medes_text_bytes(have_text, have));
	return -ENOMEM;
}

/* Everything back. The number of lost pages that remain, or a negative errno. */
static int64_t restore_all(struct medes_nl *nl)
{
	struct medes_features features;
	struct medes_op op;
	uint32_t id;
	int err;

	err = medes_restore(nl, 0, &id);
	if (err) {
		complain("%s", nl->error);
		return err;
	}
	err = link_follow_op(nl, id, "restoring", &op);
	if (err)
		return err;
	if (op.state != MEDES_OP_STATE_DONE) {
		complain("the restore was %s: %s", medes_op_state_name(op.state),
			 strerror(op.error ? -op.error : ECANCELED));
		return -EIO;
	}
	err = medes_features_get(nl, &features);
	return err ? err : (int64_t)features.stats.v[MEDES_A_STATS_PAGES_LOST];
}

/* End one process, if it still is the one that was meant. */
static void kill_process(const struct medes_process *p, uint64_t start_time)
{
	int fd = syscall(SYS_pidfd_open, p->pid, 0);
	uint64_t now = 0;

	if (fd < 0)
		return;
	/* the descriptor names the process for good, so check after it is open */
	if (!medes_process_start_time(p->pid, &now) && (!start_time || now == start_time) &&
	    !syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0))
		fprintf(stderr, "medesctl: killed process %" PRIu32 "\n", p->pid);
	close(fd);
}

/* The module says which sandboxes have lost pages: end their processes. */
static void kill_lost(struct medes_nl *nl)
{
	struct medes_sandboxes list;
	size_t i, k;

	if (medes_sandbox_list(nl, &list)) {
		complain("%s", nl->error);
		return;
	}
	for (i = 0; i < list.n; i++) {
		if (list.v[i].state != MEDES_SANDBOX_STATE_LOST)
			continue;
		complain("sandbox %s has lost pages: ending its %zu processes", list.v[i].name,
			 list.v[i].n_processes);
		for (k = 0; k < list.v[i].n_processes; k++)
			kill_process(&list.v[i].processes[k], list.v[i].processes[k].start_time);
	}
	medes_sandboxes_clear(&list);
	usleep(PAUSE_US);
}

static int settle_lost(struct medes_nl *nl, bool kill)
{
	int64_t lost = restore_all(nl);
	int i;

	if (lost > 0 && kill) {
		kill_lost(nl);
		for (i = 0; i < TRIES && lost > 0; i++) {
			usleep(PAUSE_US);
			lost = restore_all(nl);
		}
	}
	if (lost > 0)
		complain("%" PRId64 " pages could not be rebuilt, and their owners live; end them (%s), then try again",
			 lost, kill ? "they are in no sandbox: see the kernel's log" :
			 "medesctl unload --kill-lost");
	return lost < 0 ? (int)lost : lost ? -EBUSY : 0;
}

static int drop_sandboxes(struct medes_nl *nl)
{
	struct medes_sandboxes list;
	int err = medes_sandbox_list(nl, &list);
	size_t i;

	for (i = 0; !err && i < list.n; i++) {
		err = medes_sandbox_del(nl, list.v[i].id);
		if (err == -ENOENT)	/* medesd was faster */
			err = 0;
	}
	if (err)
		complain("cannot forget the sandboxes: %s", nl->error);
	medes_sandboxes_clear(&list);
	return err;
}

static int drop_bases(struct medes_nl *nl)
{
	struct medes_bases list;
	int err = medes_base_list(nl, &list), tries;
	size_t i;

	if (err) {
		complain("%s", nl->error);
		return err;
	}
	for (i = 0; !err && i < list.n; i++) {
		/* references are dropped by a worker, soon after the pages are back */
		for (tries = 0; tries < TRIES; tries++) {
			err = medes_base_del(nl, list.v[i].id);
			if (err != -EBUSY)
				break;
			usleep(PAUSE_US);
		}
		if (err == -ENOENT)
			err = 0;
		if (err)
			complain("base %s: %s", list.v[i].name, nl->error);
	}
	medes_bases_clear(&list);
	return err;
}

/* The module's own reference count has the last word. */
static int delete_module(struct medes_nl *nl)
{
	struct medes_features features;
	int tries, err = 0;

	for (tries = 0; tries < TRIES; tries++) {
		if (!syscall(SYS_delete_module, "medes", O_NONBLOCK))
			return 0;
		err = -errno;
		if (err != -EBUSY && err != -EAGAIN)
			break;
		usleep(PAUSE_US);
	}
	if (err == -ENOENT) {
		complain("medes is not a loadable module here: it is built in");
	} else if ((err == -EBUSY || err == -EAGAIN) && !medes_features_get(nl, &features)) {
		complain("the module is still in use: %" PRIu64 " pages are deduplicated, %" PRIu64
			 " of them lost; run the command again",
			 medes_stats_pages(&features.stats),
			 features.stats.v[MEDES_A_STATS_PAGES_LOST]);
	} else {
		complain("cannot unload the module: %s", strerror(-err));
	}
	return err;
}

static enum exit_code unload(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	struct medes_features before;
	int err;

	(void)names, (void)n;
	if (!nl)
		return FAILED;
	err = check_room(nl, &before);
	if (!err)
		err = settle_lost(nl, args->given & OPT_KILL_LOST);
	if (!err)
		err = drop_sandboxes(nl);
	if (!err)
		err = drop_bases(nl);
	if (!err)
		err = delete_module(nl);
	link_close(nl);
	if (err)
		return FAILED;
	print_line(args, json_pack("{s:b,s:I}", "unloaded", 1, "pages_restored",
				   (json_int_t)medes_stats_pages(&before.stats)),
		   "%" PRIu64 " pages brought back, module unloaded",
		   medes_stats_pages(&before.stats));
	return DONE;
}

const struct command unload_commands[] = {
	{
		"unload", NULL, "[--kill-lost]",
		"bring all pages back and unload the module; --kill-lost ends owners of lost pages",
		OPT_KILL_LOST, 0, 0, 0, unload,
	},
	{ .object = NULL },
};
