// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes of sandboxes, between /proc, cgroups and the kernel's list.
 *
 * A process is named by pid and start time everywhere, so that one that took
 * over a pid is never taken for the one that was meant.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "members.h"
#include "ops.h"
#include "proc.h"

#define RACES 4			/* processes that end while they are listed */

/**
 * members_cgroup() - the cgroup that a sandbox was made of
 * @sandbox: the sandbox
 * @cgroup: receives it
 *
 * Return: 0, or -ENOENT: it was made of single processes, or all have gone.
 */
int members_cgroup(const struct medes_sandbox *sandbox, struct cgroup *cgroup)
{
	size_t i;

	for (i = 0; i < sandbox->n_processes; i++)
		if (sandbox->processes[i].pid &&	/* 0: it has just gone */
		    !cgroup_of_sandbox(cgroup, sandbox->name, sandbox->processes[i].pid))
			return 0;
	return -ENOENT;
}

/**
 * members_refresh() - take the processes that a cgroup got meanwhile into its
 * sandbox
 * @nl: socket for requests
 * @sandbox: the sandbox's id
 * @error: receives why not
 *
 * Return: 0, also when the sandbox has no cgroup, or a negative errno.
 */
int members_refresh(struct medes_nl *nl, uint32_t sandbox, char error[MEDES_NL_ERROR])
{
	struct medes_sandbox object;
	struct members members;
	struct cgroup cgroup;
	int err, i;

	err = medes_sandbox_get(nl, sandbox, &object);
	if (err) {
		strcpy(error, nl->error);
		return err;
	}
	err = members_cgroup(&object, &cgroup);
	medes_sandbox_clear(&object);
	if (err)
		return 0;
	for (i = 0; i < RACES; i++) {
		err = cgroup_members(&cgroup, &members, error);
		if (err)
			return err;
		err = medes_sandbox_attach(nl, sandbox, members.v, members.n);
		members_clear(&members);
		if (err != -ESRCH && err != -ESTALE)
			break;
	}
	if (err)
		snprintf(error, MEDES_NL_ERROR, "cannot take the cgroup's processes in: %.400s",
			 nl->error);
	return err;
}

/**
 * members_of_pids() - processes that a user names
 * @pids: their pids
 * @n: how many
 * @out: receives them with their start times, to be cleared by the caller
 * @error: CGROUP_ERROR bytes, receives why not
 */
int members_of_pids(const uint32_t *pids, size_t n, struct members *out, char *error)
{
	size_t i;
	int err;

	*out = (struct members){ .v = calloc(n ? n : 1, sizeof(*out->v)) };
	if (!out->v) {
		snprintf(error, CGROUP_ERROR, "no memory for %zu processes", n);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++) {
		out->v[i].pid = pids[i];
		err = medes_process_start_time(pids[i], &out->v[i].start_time);
		if (err) {
			snprintf(error, CGROUP_ERROR, "process %" PRIu32 ": %s", pids[i],
				 strerror(-err));
			members_clear(out);
			return err;
		}
	}
	out->n = n;
	return 0;
}

/**
 * members_of_json() - the same, of an array that a user gave
 * @pids: the array
 * @out: receives them
 * @error: CGROUP_ERROR bytes, receives why not
 */
int members_of_json(const json_t *pids, struct members *out, char *error)
{
	size_t n = json_array_size(pids), i;
	uint32_t *numbers = calloc(n ? n : 1, sizeof(*numbers));
	int err = -ENOMEM;
	json_int_t pid;

	snprintf(error, CGROUP_ERROR, "no memory for %zu processes", n);
	for (i = 0; i < n && numbers; i++) {
		pid = json_integer_value(json_array_get(pids, i));
		/* 1 is init, which can't be in a sandbox */
		if (pid < 2 || pid > INT32_MAX) {
			snprintf(error, CGROUP_ERROR,
				 "pids: number %zu is no id of a process that can be in a sandbox",
				 i + 1);
			err = -EINVAL;
			goto out;
		}
		numbers[i] = pid;
	}
	if (numbers)
		err = members_of_pids(numbers, n, out, error);
out:
	free(numbers);
	return err;
}
