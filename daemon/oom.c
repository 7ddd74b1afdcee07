// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A deduplicated page still counts in its process's RSS, so the OOM killer takes
 * a sandbox for large whose end would free little. What it weighs too much is
 * taken off its oom_score_adj.
 *
 * What a process had is kept in a file, before anything is changed, so that a
 * medesd that was killed and started again puts back the right value:
 *
 *	DIR/PID		start-time had may-have has
 *
 * "may-have" is the value before the last change, as we may have ended between
 * the file and the process. A process whose value is none of ours was given
 * another by somebody else; that is left alone, and counts as what it has.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include "log.h"
#include "oom.h"
#include "proc.h"

/* Below that the kernel never kills, which is not what we mean. */
#define LOWEST (-999)

struct entry {
	uint32_t pid;
	uint64_t start_time;
	int had;			/* before us */
	int before;			/* the last value but one that we set, or had */
	int set;			/* what we set */
	bool seen;			/* in this round */
	UT_hash_handle hh;
};

struct oom {
	char dir[256];
	struct entry *entries;
	bool complained;
};

static int adj_read(uint32_t pid, int *value)
{
	char path[64], text[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/oom_score_adj", pid);
	n = medes_file_read(path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	return sscanf(text, "%d", value) == 1 ? 0 : -EPROTO;
}

static int write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
	ssize_t len = strlen(text);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != len)
		err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

static int adj_write(uint32_t pid, int value)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/oom_score_adj", pid);
	snprintf(text, sizeof(text), "%d", value);
	return write_text(path, 0, text);
}

static void file_path(const struct oom *oom, uint32_t pid, char path[300])
{
	snprintf(path, 300, "%s/%" PRIu32, oom->dir, pid);
}

static int save(const struct oom *oom, const struct entry *e)
{
	char path[300], fresh[304], text[96];
	int err;

	file_path(oom, e->pid, path);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	snprintf(text, sizeof(text), "%" PRIu64 " %d %d %d\n", e->start_time, e->had, e->before,
		 e->set);
	err = write_text(fresh, O_CREAT | O_TRUNC, text);
	if (!err && rename(fresh, path))
		err = -errno;
	return err;
}

static void forget(struct oom *oom, struct entry *e)
{
	char path[300];

	file_path(oom, e->pid, path);
	unlink(path);
	HASH_DEL(oom->entries, e);
	free(e);
}

/* Is this still the process, with a value that we gave it? */
static bool ours(const struct entry *e)
{
	uint64_t start_time;
	int value;

	return !medes_process_start_time(e->pid, &start_time) && start_time == e->start_time &&
	       !adj_read(e->pid, &value) && (value == e->set || value == e->before);
}

static void put_back(struct oom *oom, struct entry *e)
{
	int err = ours(e) ? adj_write(e->pid, e->had) : 0;

	if (err && err != -ENOENT && err != -ESRCH)
		log_warning("cannot put oom_score_adj of process %" PRIu32 " back to %d: %s",
			    e->pid, e->had, strerror(-err));
	forget(oom, e);
}

static void load_one(struct oom *oom, const char *name)
{
	struct entry *e = calloc(1, sizeof(*e));
	char path[300], text[96], rest;

	if (!e)
		return;
	if (sscanf(name, "%" SCNu32 "%c", &e->pid, &rest) != 1) {
		free(e);
		return;
	}
	file_path(oom, e->pid, path);
	if (medes_file_read(path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%" SCNu64 " %d %d %d", &e->start_time, &e->had, &e->before, &e->set) != 4) {
		log_warning("%s makes no sense; it is removed", path);
		unlink(path);
		free(e);
		return;
	}
	HASH_ADD(hh, oom->entries, pid, sizeof(e->pid), e);
}

/* What an earlier medesd has left. */
static void load(struct oom *oom)
{
	DIR *dir = opendir(oom->dir);
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && !strchr(d->d_name, '.'))
			load_one(oom, d->d_name);
	closedir(dir);
}

/**
 * oom_new() - make ready to change oom_score_adj
 * @dir: where to keep what processes had; made if it is not there
 *
 * Return: the table, with what an earlier medesd left in @dir, or NULL for lack of
 * memory.
 */
struct oom *oom_new(const char *dir)
{
	struct oom *oom = calloc(1, sizeof(*oom));

	if (!oom)
		return NULL;
	snprintf(oom->dir, sizeof(oom->dir), "%s", dir);
	if (mkdir(dir, 0700) && errno != EEXIST)
		log_warning("%s: %s; oom_score_adj of sandboxes stays as it is", dir, strerror(errno));
	load(oom);
	return oom;
}

/**
 * oom_free() - put all back
 * @oom: the table; may be NULL
 */
void oom_free(struct oom *oom)
{
	if (!oom)
		return;
	oom_begin(oom);
	oom_end(oom);
	free(oom);
}

void oom_begin(struct oom *oom)
{
	struct entry *e, *next;

	HASH_ITER(hh, oom->entries, e, next)
		e->seen = false;
}

/* The entry of a process, which may be new; NULL: leave it alone. */
static struct entry *entry_of(struct oom *oom, const struct medes_process *process)
{
	struct entry *e;
	int value;

	HASH_FIND(hh, oom->entries, &process->pid, sizeof(process->pid), e);
	if (e && (e->start_time != process->start_time || !ours(e))) {
		forget(oom, e);
		e = NULL;
	}
	if (e)
		return e;
	if (adj_read(process->pid, &value) || value <= LOWEST)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->pid = process->pid;
	e->start_time = process->start_time;
	e->had = e->before = e->set = value;
	HASH_ADD(hh, oom->entries, pid, sizeof(e->pid), e);
	return e;
}

/**
 * oom_lower() - a process weighs less than it seems
 * @oom: in a round
 * @process: whose
 * @less: thousandths of memory and swap
 */
void oom_lower(struct oom *oom, const struct medes_process *process, int less)
{
	struct entry *e = less > 0 ? entry_of(oom, process) : NULL;
	int want, err;

	if (!e)
		return;
	e->seen = true;
	want = e->had - less > LOWEST ? e->had - less : LOWEST;
	if (want == e->set)
		return;
	e->before = e->set;
	e->set = want;
	err = save(oom, e);
	if (!err)
		err = adj_write(e->pid, want);
	if (!err)
		return;
	if (err != -ENOENT && err != -ESRCH && !oom->complained) {
		oom->complained = true;
		log_warning("cannot set oom_score_adj of process %" PRIu32 ": %s", e->pid,
			    strerror(-err));
	}
	/* it has what it had before */
	e->set = e->before;
	put_back(oom, e);
}

void oom_end(struct oom *oom)
{
	struct entry *e, *next;

	HASH_ITER(hh, oom->entries, e, next)
		if (!e->seen)
			put_back(oom, e);
}
