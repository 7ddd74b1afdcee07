// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Activity by cpu.stat, which every cgroup has, whatever its controllers: what became more since
 * the last look ran until now, at the latest.
 */
#include <errno.h>
#include "activity.h"
#include "cell.h"

static int open_it(void **private, char error[CGROUP_ERROR])
{
	(void)error;
	*private = NULL;
	return 0;
}

static void close_it(void *private)
{
	(void)private;
}

static int add(void *private, struct activity_cgroup *cg, char error[CGROUP_ERROR])
{
	(void)private;
	if (cell_ran(&cg->cgroup, &cg->sum.ran))
		return 0;
	return cgroup_fail(error, -ENOENT, "%.160s has no cpu.stat", cg->cgroup.path);
}

static void remove_it(void *private, struct activity_cgroup *cg)
{
	(void)private, (void)cg;
}

static bool look(void *private, struct activity_cgroup *cg, uint64_t now)
{
	uint64_t ran;

	(void)private;
	if (!cell_ran(&cg->cgroup, &ran))
		return false;
	if (ran != cg->sum.ran)
		cg->sum.last = now;
	cg->sum.ran = ran;
	return true;
}

const struct activity_source activity_cpu_stat = {
	.name = "cpu.stat",
	.open = open_it,
	.close = close_it,
	.add = add,
	.remove = remove_it,
	.look = look,
};
