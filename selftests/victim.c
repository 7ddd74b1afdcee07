// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Victims obey over a socket of packets, one order and one answer at a time.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "harness.h"
#include "proc.h"
#include "victim.h"

struct order {
	ptrdiff_t fn;			/* from do_end */
	uint32_t len;
	char arg[VICTIM_ARG];
};

/* The victim's ends of the sockets that it gives to its forks. */
static int spare_ends[VICTIM_SPARE];
static int own_end;

static long do_end(const void *arg)
{
	(void)arg;
	_exit(EXIT_SUCCESS);
}

static void answer(int fd, long result)
{
	if (send(fd, &result, sizeof(result), MSG_NOSIGNAL) != sizeof(result))
		_exit(EXIT_FAILURE);
}

void victim_obey(int fd)
{
	struct order order;
	ssize_t n;

	own_end = fd;
	for (;;) {
		n = recv(fd, &order, sizeof(order), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(order))
			_exit(EXIT_FAILURE);
		answer(fd, ((victim_fn)((char *)do_end + order.fn))(order.arg));
	}
}

static void pair(int fds[2])
{
	REQUIRE(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), "%s", strerror(errno));
}

void victim_new(struct victim *v)
{
	int fds[2], spare[VICTIM_SPARE][2], i;

	pair(fds);
	for (i = 0; i < VICTIM_SPARE; i++)
		pair(spare[i]);
	memset(v, 0, sizeof(*v));
	v->pid = fork();
	if (!v->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);	/* forks of it need no wait */
		close(fds[0]);
		for (i = 0; i < VICTIM_SPARE; i++) {
			close(spare[i][0]);
			spare_ends[i] = spare[i][1];
		}
		victim_obey(fds[1]);
	}
	REQUIRE(v->pid > 0, "fork: %s", strerror(errno));
	close(fds[1]);
	v->fd = fds[0];
	for (i = 0; i < VICTIM_SPARE; i++) {
		close(spare[i][1]);
		v->spare[i] = spare[i][0];
	}
	REQUIRE(!medes_process_start_time(v->pid, &v->start_time), "no start time of %d", v->pid);
}

bool victim_try_start(struct victim *v, victim_fn fn, const void *arg, size_t len)
{
	struct order order = { .fn = (char *)fn - (char *)do_end, .len = len };

	REQUIRE(len <= sizeof(order.arg), "%zu bytes do not fit", len);
	if (len)
		memcpy(order.arg, arg, len);
	if (send(v->fd, &order, sizeof(order), MSG_NOSIGNAL) == sizeof(order))
		return true;
	REQUIRE(errno == EPIPE || errno == ECONNRESET, "victim %d: %s", v->pid, strerror(errno));
	return false;
}

void victim_start(struct victim *v, victim_fn fn, const void *arg, size_t len)
{
	REQUIRE(victim_try_start(v, fn, arg, len), "victim %d is dead", v->pid);
}

bool victim_result(struct victim *v, long *result)
{
	ssize_t n;

	do {
		n = recv(v->fd, result, sizeof(*result), 0);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*result);
}

long victim_call(struct victim *v, victim_fn fn, const void *arg, size_t len)
{
	int status = 0;
	long result;

	victim_start(v, fn, arg, len);
	if (victim_result(v, &result))
		return result;
	if (waitpid(v->pid, &status, 0) == v->pid)
		REQUIRE(false, "victim %d died: status 0x%x", v->pid, status);
	REQUIRE(false, "victim %d died", v->pid);
	return 0;
}

static long do_fork(const void *arg)
{
	int slot = *(const int *)arg, i;
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -errno : pid;
	for (i = 0; i < slot; i++)
		spare_ends[i] = -1;
	victim_obey(spare_ends[slot]);
}

void victim_fork(struct victim *v, struct victim *child)
{
	int slot = v->spares++, i;
	long pid;

	REQUIRE(slot < VICTIM_SPARE, "no socket is left");
	pid = CALL(v, do_fork, slot);
	REQUIRE(pid > 0, "fork in the victim: %s", strerror(-pid));
	memset(child, 0, sizeof(*child));
	child->pid = pid;
	child->fd = v->spare[slot];
	/* the rest of the sockets can be used by either */
	child->spares = v->spares;
	for (i = slot + 1; i < VICTIM_SPARE; i++)
		child->spare[i] = v->spare[i];
	REQUIRE(!medes_process_start_time(pid, &child->start_time), "no start time of %ld", pid);
}

/* The new image answers in place of this one: see victim_go_on(). */
static long do_exec(const void *arg)
{
	char fd[16];

	(void)arg;
	snprintf(fd, sizeof(fd), "%d", own_end);
	execl("/proc/self/exe", "medes-selftest", "--victim", fd, NULL);
	return -errno;
}

void victim_go_on(int fd)
{
	harness_attach();
	answer(fd, 0);
	victim_obey(fd);
}

void victim_exec(struct victim *v)
{
	REQUIRE_EQ(CALL0(v, do_exec), 0);
	v->spares = VICTIM_SPARE;
}

/* Ours to reap, or reaped by the victim that forked it. */
static bool gone(const struct victim *v, int *status)
{
	return waitpid(v->pid, status, WNOHANG) == v->pid || !victim_lives(v);
}

void victim_end(struct victim *v)
{
	int status = 0;

	victim_start(v, do_end, NULL, 0);
	CHECK(SOON(gone(v, &status)), "victim %d goes on", v->pid);
	CHECK(!status, "victim %d: status 0x%x", v->pid, status);
	close(v->fd);
}

void victim_kill(struct victim *v)
{
	int status;

	kill(v->pid, SIGKILL);
	CHECK(SOON(gone(v, &status)), "victim %d survives SIGKILL", v->pid);
	close(v->fd);
}

bool victim_lives(const struct victim *v)
{
	uint64_t start_time;

	return !medes_process_start_time(v->pid, &start_time) && start_time == v->start_time;
}

char *map_pages(size_t pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	REQUIRE(at != MAP_FAILED, "mmap of %zu pages: %s", pages, strerror(errno));
	madvise(at, pages * PAGE, MADV_NOHUGEPAGE);
	return at;
}

long do_map(const void *arg)
{
	struct area a = *(const struct area *)arg;

	a.at = map_pages(a.pages);
	area_fill(&a);
	return (long)a.at;
}

long do_fill(const void *arg)
{
	area_fill(arg);
	return 0;
}

long do_wrong(const void *arg)
{
	return area_wrong(arg);
}

long do_unmap(const void *arg)
{
	const struct area *a = arg;

	return munmap(a->at, a->pages * PAGE) ? -errno : 0;
}

long do_advise(const void *arg)
{
	const struct advice *a = arg;

	return madvise(a->area.at, a->area.pages * PAGE, a->advice) ? -errno : 0;
}

void victim_area(struct victim *v, struct area *a, size_t pages, const char *mix, uint32_t seed)
{
	memset(a, 0, sizeof(*a));
	a->pages = pages;
	a->seed = seed;
	strcpy(a->mix, mix);
	a->at = (char *)CALL(v, do_map, *a);
}

size_t victim_wrong(struct victim *v, const struct area *a)
{
	return CALL(v, do_wrong, *a);
}

void victim_fill(struct victim *v, const struct area *a)
{
	CALL(v, do_fill, *a);
}

void victim_unmap(struct victim *v, const struct area *a)
{
	CHECK_EQ(CALL(v, do_unmap, *a), 0);
}
