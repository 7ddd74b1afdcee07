// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A subject, seen from the measuring process, and what it does itself.
 *
 * It is exec'ed, so that it shares no page with its parent. It waits in read(),
 * touching nothing of its area.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
#include "proc.h"
#include "subject.h"

#define HUGE (2UL << 20)
#define PRESENT (1ULL << 63)

static void *map_shared(int fd)
{
	void *at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, fd, 0);

	if (at == MAP_FAILED)
		die("cannot map shared memory: %s", strerror(errno));
	return at;
}

static void await(struct subject *s)
{
	char c;

	if (read(s->fd, &c, 1) != 1)
		die("process %d, which held %s, is gone", s->pid, s->image.path);
}

/**
 * subject_start() - make a process that holds an image
 * @s: to fill
 * @path: of the image, without the ending
 * @max: at most so many pages; 0 for all
 * @cgroup: to be in before it takes memory, or NULL
 */
void subject_start(struct subject *s, const char *path, size_t max, const char *cgroup)
{
	char number[32], memory[16], fd[16];
	int ends[2];

	memset(s, 0, sizeof(*s));
	image_open(&s->image, path, max);
	if (s->image.n > ORDER_MAX)
		die("%s has %zu pages; %u can be held", path, s->image.n, ORDER_MAX);
	s->memory = memfd_create("subject", 0);
	if (s->memory < 0 || ftruncate(s->memory, sizeof(struct shared)) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("cannot make a subject: %s", strerror(errno));
	s->shared = map_shared(s->memory);
	s->fd = ends[0];
	fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	snprintf(number, sizeof(number), "%zu", max);
	snprintf(memory, sizeof(memory), "%d", s->memory);
	snprintf(fd, sizeof(fd), "%d", ends[1]);
	s->pid = fork();
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/proc/self/exe", "medes-bench", "subject", path, number, memory, fd,
		      cgroup ? cgroup : "", NULL);
		_exit(127);
	}
	if (s->pid < 0)
		die("cannot fork: %s", strerror(errno));
	close(ends[1]);
	close(s->memory);
	await(s);
	if (medes_process_start_time(s->pid, &s->start_time))
		die("process %d has no start time", s->pid);
}

void subject_end(struct subject *s)
{
	close(s->fd);
	waitpid(s->pid, NULL, 0);
	munmap(s->shared, sizeof(*s->shared));
	image_close(&s->image);
}

/**
 * subject_do() - have it do something
 * @s: the subject
 * @deed: what; the order, if it needs one, is in s->shared
 * @n: pages of the order, or threads
 *
 * Return: how long it took, by its own clock.
 */
struct span subject_do(struct subject *s, enum deed deed, uint32_t n)
{
	s->shared->deed = deed;
	s->shared->n = n;
	if (write(s->fd, "", 1) != 1)
		die("process %d, which held %s, is gone", s->pid, s->image.path);
	await(s);
	return s->shared->took;
}

uint64_t subject_address(const struct subject *s, size_t page)
{
	return s->shared->area + s->image.place[page] * PAGE;
}

size_t subject_present(const struct subject *s)
{
	uint64_t *entries = must_alloc(s->image.area, sizeof(*entries));
	size_t len = s->image.area * sizeof(*entries), n = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", s->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, entries, len, s->shared->area / PAGE * sizeof(*entries)) !=
	    (ssize_t)len)
		die("%s: %s", path, strerror(errno));
	close(fd);
	for (size_t i = 0; i < s->image.n; i++)
		n += !!(entries[s->image.place[i]] & PRESENT);
	free(entries);
	return n;
}

/* From here on: in the subject. */

static char *area;
static size_t area_bytes;

static char *map_area(size_t bytes)
{
	char *at = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED)
		die("no memory for an area of %zu bytes", bytes);
	at = (char *)(((uintptr_t)at + HUGE - 1) / HUGE * HUGE);
	madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

static void touch(const struct image *image, struct shared *shared, bool write)
{
	uint64_t before, after;

	before = now_ns();
	for (uint32_t i = 0; i < shared->n; i++) {
		volatile char *at = area + image->place[shared->order[i]] * PAGE;

		if (write)
			*at = *at + 1;
		else
			(void)*at;
		after = now_ns();
		shared->ns[i] = after - before;
		before = after;
	}
}

static void minor(struct shared *shared)
{
	size_t bytes = shared->n * PAGE;
	char *at = map_area(bytes);
	uint64_t before = now_ns(), after;

	for (uint32_t i = 0; i < shared->n; i++) {
		*(volatile char *)(at + i * PAGE) = 1;
		after = now_ns();
		shared->ns[i] = after - before;
		before = after;
	}
	munmap(at, bytes);
}

static void advise(int advice)
{
	if (madvise(area, area_bytes, advice))
		die("madvise(%d): %s", advice, strerror(errno));
}

static void *populate_part(void *arg)
{
	const size_t *part = arg;

	if (madvise(area + part[0], part[1], MADV_POPULATE_READ))
		die("MADV_POPULATE_READ: %s", strerror(errno));
	return NULL;
}

static void populate(uint32_t threads)
{
	size_t each = (area_bytes / threads + PAGE - 1) / PAGE * PAGE;
	pthread_t thread[16];
	size_t part[16][2];

	for (uint32_t i = 0; i < threads; i++) {
		part[i][0] = i * each;
		part[i][1] = i + 1 < threads ? each : area_bytes - i * each;
		if (i && pthread_create(&thread[i], NULL, populate_part, part[i]))
			die("cannot start a thread");
	}
	populate_part(part[0]);
	for (uint32_t i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
}

static uint64_t sum(const struct image *image)
{
	uint64_t value = 0;

	for (size_t i = 0; i < image->n; i++) {
		const uint64_t *word = (uint64_t *)(area + image->place[i] * PAGE);

		for (size_t k = 0; k < PAGE / sizeof(*word); k++)
			value = (value ^ word[k]) * 0x9e3779b97f4a7c15;
	}
	return value;
}

static void perform(const struct image *image, struct shared *shared)
{
	struct span begin = span_begin();

	switch (shared->deed) {
	case DEED_TOUCH: touch(image, shared, false); break;
	case DEED_WRITE: touch(image, shared, true); break;
	case DEED_PAGE_OUT: advise(MADV_PAGEOUT); break;
	case DEED_POPULATE: populate(shared->n); break;
	case DEED_MINOR: minor(shared); break;
	case DEED_MERGE: advise(MADV_MERGEABLE); break;
	case DEED_SUM: shared->sum = sum(image); break;
	}
	shared->took = span_end(begin);
}

/**
 * subject_main() - be a subject until the parent closes the socket
 * @args: path of the image, most pages, descriptors of the memory and the socket,
 *	cgroup to be in
 *
 * Return: the exit status.
 */
int subject_main(char **args)
{
	struct shared *shared = map_shared(atoi(args[2]));
	int fd = atoi(args[3]);
	struct image image;
	char path[256];
	char c;

	if (*args[4]) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", args[4]);
		write_text(path, "0");
	}
	image_open(&image, args[0], strtoull(args[1], NULL, 10));
	area_bytes = image.area * PAGE;
	area = map_area(area_bytes);
	image_fill(&image, area);
	shared->area = (uintptr_t)area;
	while (write(fd, "", 1) == 1 && read(fd, &c, 1) == 1)
		perform(&image, shared);
	return 0;
}
