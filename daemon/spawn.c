// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Spawning: clone3() puts the child into its cgroup and namespaces at once, so that nothing
 * of it ever runs outside. What fails on the way to execve() comes back through a pipe
 * that execve() closes. The daemon has one thread, so the child may do what it likes.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>
#include <unistd.h>
#include "cell.h"
#include "log.h"
#include "spawn.h"

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

struct failure {
	int err;
	char step[32];
};

/* Everything that the child needs, made while allocation is still nobody's problem. */
struct image {
	char **argv;
	char **env;
	int log;
	int cgroup;
	int pipe[2];
};

static char **copy_array(const json_t *array)
{
	size_t n = json_array_size(array), i;
	char **v = calloc(n + 1, sizeof(*v));

	for (i = 0; v && i < n; i++)
		v[i] = (char *)json_string_value(json_array_get(array, i));
	return v;
}

static void free_env(char **env)
{
	size_t i;

	for (i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

static char **make_env(const struct spawn *what)
{
	json_t *given = (json_t *)what->spec->env, *value;
	char **env = calloc(json_object_size(given) + 4, sizeof(*env));
	const char *name;
	size_t n = 0;
	int bad = 0;

	if (!env)
		return NULL;
	if (!json_object_get(given, "PATH"))
		bad |= asprintf(&env[n++], "PATH=" PATH_DEFAULT) < 0;
	json_object_foreach(given, name, value)
		if (strcmp(name, "PORT") && strcmp(name, "MEDES_SANDBOX"))
			bad |= asprintf(&env[n++], "%s=%s", name, json_string_value(value)) < 0;
	bad |= asprintf(&env[n++], "PORT=%u", what->port) < 0;
	bad |= asprintf(&env[n++], "MEDES_SANDBOX=%s", what->name) < 0;
	if (!bad)
		return env;
	free_env(env);
	return NULL;
}

/* Lines go to the journal as the sandbox's; where there is none, to where ours go. */
int spawn_log(const char *name)
{
	int fd = sd_journal_stream_fd(name, LOG_INFO, 1);

	return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

static void image_free(struct image *image)
{
	free(image->argv);
	free_env(image->env);
	if (image->log >= 0)
		close(image->log);
	if (image->cgroup >= 0)
		close(image->cgroup);
}

static int image_make(struct image *image, const struct spawn *what)
{
	*image = (struct image){ .log = -1, .cgroup = -1 };
	image->argv = copy_array(what->spec->command);
	image->env = make_env(what);
	image->log = spawn_log(what->name);
	if (!image->argv || !image->env || image->log < 0)
		goto err_free;
	if (what->cell->path[0]) {
		image->cgroup = cell_fd(what->cell);
		if (image->cgroup < 0)
			goto err_free;
	}
	if (!pipe2(image->pipe, O_CLOEXEC))
		return 0;
err_free:
	image_free(image);
	return -ENOMEM;
}

static void __attribute__((noreturn)) child_fail(const struct image *image, const char *step)
{
	struct failure failure = { .err = errno };

	snprintf(failure.step, sizeof(failure.step), "%s", step);
	if (write(image->pipe[1], &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		sigaction(i, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_namespaces(const struct image *image, const struct spawn *what)
{
	/* nothing that is mounted here shows outside */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		child_fail(image, "making mounts private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		child_fail(image, "mounting /proc");
	if (what->private_tmp && mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
				       "size=64m,mode=1777"))
		child_fail(image, "mounting /tmp");
	if (sethostname(what->name, strlen(what->name)))
		child_fail(image, "setting the host name");
}

static void set_ids(const struct image *image, const struct spawn *what)
{
	if (setgroups(0, NULL) && errno != EPERM)
		child_fail(image, "dropping groups");
	if (setresgid(what->gid, what->gid, what->gid))
		child_fail(image, "setting the group");
	if (setresuid(what->uid, what->uid, what->uid))
		child_fail(image, "setting the user");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void __attribute__((noreturn)) child(const struct image *image, const struct spawn *what)
{
	int null;

	reset_signals();
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(image->log, 1) < 0 || dup2(image->log, 2) < 0)
		child_fail(image, "opening standard streams");
	if (what->namespaces)
		set_namespaces(image, what);
	if (chdir(what->spec->directory))
		child_fail(image, "changing to the directory");
	set_ids(image, what);
	/* without a cgroup nobody could find it again when the daemon is killed */
	if (!what->cell->path[0])
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	execve(image->argv[0], image->argv, image->env);
	child_fail(image, "executing the command");
}

static pid_t do_clone(const struct image *image, const struct spawn *what, int *pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	if (image->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = image->cgroup;
	}
	if (what->namespaces)
		args.flags |= CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	return syscall(SYS_clone3, &args, sizeof(args));
}

/**
 * spawn() - make a process of a function
 * @what: all about it
 * @out: receives the process; its descriptors are the caller's
 * @error: receives why not
 */
int spawn(const struct spawn *what, struct spawned *out, char error[CGROUP_ERROR])
{
	struct image image;
	int err;

	if (image_make(&image, what))
		return cgroup_fail(error, -ENOMEM, "no memory or descriptors for a process");
	out->pid = do_clone(&image, what, &out->pidfd);
	if (!out->pid)
		child(&image, what);
	err = out->pid < 0 ? -errno : 0;
	close(image.pipe[1]);
	image_free(&image);
	out->status = image.pipe[0];
	if (!err)
		return 0;
	close(image.pipe[0]);
	return cgroup_fail(error, err, "cannot make a process: %s%s", strerror(-err),
			   err == -EPERM && what->namespaces ?
			   " (namespaces need CAP_SYS_ADMIN; Namespaces=no does without)" : "");
}

/**
 * spawn_result() - has it been executed?
 * @status: of the spawned, readable; it is closed
 * @error: receives why not
 */
int spawn_result(int status, char error[CGROUP_ERROR])
{
	struct failure failure;
	ssize_t n = read(status, &failure, sizeof(failure));

	close(status);
	if (n != sizeof(failure))
		return 0;
	return cgroup_fail(error, failure.err ? -failure.err : -EIO, "%.31s: %s", failure.step,
			   strerror(failure.err));
}
