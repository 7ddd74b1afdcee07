// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What became of a process that need not be our child: a container's first process is its
 * init's, and after a restart all are. The kernel keeps the status of those with the
 * descriptor, from the moment that their parent has reaped them.
 */
#include <linux/pidfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include "ended.h"

static bool of_child(int pidfd, int *status)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG) || !info.si_pid)
		return false;
	*status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) :
		  W_EXITCODE(0, info.si_status);
	return true;
}

bool ended_status(int pidfd, int *status)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_EXIT };

	if (pidfd < 0)
		return false;
	if (of_child(pidfd, status))
		return true;
	if (ioctl(pidfd, PIDFD_GET_INFO, &info) || !(info.mask & PIDFD_INFO_EXIT))
		return false;
	*status = info.exit_code;
	return true;
}
