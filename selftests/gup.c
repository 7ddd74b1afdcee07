// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel and other processes reach stored pages without a touch by their
 * owner: each way brings back the right bytes, and what is pinned is left alone.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "harness.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 128
#define PINNED 4

struct setting {
	struct victim v;
	struct area a;
	struct sandbox s;
	struct base b;
	char *copy;			/* room for all, in this process */
};

static void store(struct setting *t)
{
	dedup(&t->s, &t->a, &t->b);
	CHECK_EQ(away(&t->v, &t->a), PAGES);
}

static void set_up(struct setting *t)
{
	base_new(&t->b);
	victim_new(&t->v);
	victim_area(&t->v, &t->a, PAGES, MIX_STORED, 6);
	sandbox_new(&t->s, &t->v);
	t->copy = map_pages(PAGES);
	store(t);
}

static void tear_down(struct setting *t)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	victim_end(&t->v);
	base_del(&t->b);
}

/* Another area's bytes, to be written over the stored ones from outside. */
static void new_bytes(struct setting *t)
{
	struct area here = t->a;

	here.at = t->copy;
	here.seed = ++t->a.seed;
	area_fill(&here);
}

static void process_vm(void)
{
	struct iovec local, remote;
	struct setting t;

	set_up(&t);
	local = (struct iovec){ t.copy, PAGES * PAGE };
	remote = (struct iovec){ t.a.at, PAGES * PAGE };
	CHECK_EQ(process_vm_readv(t.v.pid, &local, 1, &remote, 1, 0), PAGES * PAGE);
	CHECK_EQ(bytes_wrong(&t.a, 0, PAGES, t.copy), 0);
	store(&t);
	new_bytes(&t);
	CHECK_EQ(process_vm_writev(t.v.pid, &local, 1, &remote, 1, 0), PAGES * PAGE);
	tear_down(&t);
}

static void proc_mem(void)
{
	struct setting t;
	char path[64];
	int fd;

	set_up(&t);
	snprintf(path, sizeof(path), "/proc/%d/mem", t.v.pid);
	fd = open(path, O_RDWR);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	CHECK_EQ(pread(fd, t.copy, PAGES * PAGE, (off_t)t.a.at), PAGES * PAGE);
	CHECK_EQ(bytes_wrong(&t.a, 0, PAGES, t.copy), 0);
	store(&t);
	new_bytes(&t);
	CHECK_EQ(pwrite(fd, t.copy, PAGES * PAGE, (off_t)t.a.at), PAGES * PAGE);
	close(fd);
	tear_down(&t);
}

struct copy {
	struct area area;
	char path[64];
	int flags;
	uint32_t first;
	uint32_t pages;
};

/* write(2) out of stored pages */
static long do_write_file(const void *arg)
{
	const struct copy *c = arg;
	int fd = open(c->path, O_CREAT | O_WRONLY | O_TRUNC | c->flags, 0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, c->area.at, c->area.pages * PAGE);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

/* read(2) into stored pages */
static long do_read_file(const void *arg)
{
	const struct copy *c = arg;
	int fd = open(c->path, O_RDONLY | c->flags);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, c->area.at, c->area.pages * PAGE);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

static void read_and_write(void)
{
	struct setting t;
	struct copy c;
	int fd;

	set_up(&t);
	c = (struct copy){ .area = t.a, .path = "/tmp/selftest-copy" };
	CHECK_EQ(CALL(&t.v, do_write_file, c), PAGES * PAGE);
	fd = open(c.path, O_RDWR);
	REQUIRE(fd >= 0, "%s", strerror(errno));
	CHECK_EQ(pread(fd, t.copy, PAGES * PAGE, 0), PAGES * PAGE);
	CHECK_EQ(bytes_wrong(&t.a, 0, PAGES, t.copy), 0);
	store(&t);
	new_bytes(&t);
	CHECK_EQ(pwrite(fd, t.copy, PAGES * PAGE, 0), PAGES * PAGE);
	CHECK_EQ(CALL(&t.v, do_read_file, c), PAGES * PAGE);
	close(fd);
	unlink(c.path);
	tear_down(&t);
}

/* A block device with O_DIRECT: the pages are pinned, for reading and writing. */
static void direct(void)
{
	char disk[32] = "";
	struct setting t;
	struct copy c;
	FILE *found;

	if (sys_run("modprobe zram 2>/dev/null"))
		SKIP("no zram, which is the block device here");
	found = popen("zramctl --find --size 16M", "r");
	if (!found || !fgets(disk, sizeof(disk), found) || pclose(found))
		SKIP("zramctl makes no device");
	disk[strcspn(disk, "\n")] = '\0';
	set_up(&t);
	c = (struct copy){ .area = t.a, .flags = O_DIRECT };
	strcpy(c.path, disk);
	CHECK_EQ(CALL(&t.v, do_write_file, c), PAGES * PAGE);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	t.a.seed++;
	victim_fill(&t.v, &t.a);
	store(&t);
	CHECK_EQ(CALL(&t.v, do_read_file, c), PAGES * PAGE);
	t.a.seed--;
	tear_down(&t);
	sys_run("zramctl --reset %s", disk);
}

static int pipe_ends[2];

static long do_vmsplice(const void *arg)
{
	const struct copy *c = arg;
	struct iovec v = { area_page(&c->area, c->first), c->pages * PAGE };
	ssize_t n = vmsplice(pipe_ends[1], &v, 1, 0);

	return n < 0 ? -errno : n;
}

/* Pages that wait in a pipe belong to the pipe, too: they are refused. */
static void spliced(void)
{
	uint64_t pinned;
	struct setting t;
	struct copy c;

	REQUIRE(!pipe(pipe_ends), "pipe: %s", strerror(errno));
	set_up(&t);
	c = (struct copy){ .area = t.a, .first = 8, .pages = PINNED };
	CHECK_EQ(CALL(&t.v, do_vmsplice, c), PINNED * PAGE);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	pinned = STAT(REFUSED_PINNED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES - PINNED);
	CHECK_EQ(STAT(REFUSED_PINNED) - pinned, PINNED);
	CHECK_EQ(away(&t.v, &t.a), PAGES - PINNED);
	CHECK_EQ(read(pipe_ends[0], t.copy, PINNED * PAGE), PINNED * PAGE);
	CHECK_EQ(bytes_wrong(&t.a, 8, PINNED, t.copy), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PINNED);
	tear_down(&t);
}

static int ring = -1;

/* Long-term pins: buffers that are registered with io_uring. */
static long do_register(const void *arg)
{
	const struct copy *c = arg;
	struct iovec v = { area_page(&c->area, c->first), c->pages * PAGE };
	struct io_uring_params params = { 0 };

	ring = syscall(SYS_io_uring_setup, 1, &params);
	if (ring < 0)
		return -errno;
	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &v, 1) ? -errno : 0;
}

static long do_unregister(const void *arg)
{
	(void)arg;
	syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	close(ring);
	return 0;
}

static void registered(void)
{
	struct setting t;
	struct copy c;
	long err;

	set_up(&t);
	c = (struct copy){ .area = t.a, .first = 16, .pages = PINNED };
	err = CALL(&t.v, do_register, c);
	if (err == -ENOSYS || err == -EPERM)
		SKIP("no io_uring here: %s", strerror(-err));
	REQUIRE_EQ(err, 0);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES - PINNED);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CALL0(&t.v, do_unregister);
	/* the ring gives its pages back a moment later */
	CHECK(SOON(dedup(&t.s, &t.a, &t.b) && away(&t.v, &t.a) == PAGES), "%zu of %u are away",
	      away(&t.v, &t.a), PAGES);
	tear_down(&t);
}

/* A futex in a stored page is looked up by its page: a shared one. */
static long do_futex(const void *arg)
{
	const struct area *a = arg;
	struct timespec soon = { .tv_nsec = 1000000 };
	size_t i, wrong = 0;

	for (i = 0; i < a->pages; i++) {
		uint32_t *word = (uint32_t *)area_page(a, i), want[PAGE / 4];

		page_make((uint64_t *)want, page_kind(a, i), a->seed, i);
		if (syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0))
			wrong++;
		if (i % 16 == 0 && (!syscall(SYS_futex, word, FUTEX_WAIT, want[0], &soon, NULL, 0) ||
				    errno != ETIMEDOUT))
			wrong++;
	}
	return wrong;
}

static void futex(void)
{
	struct setting t;

	set_up(&t);
	CHECK_EQ(CALL(&t.v, do_futex, t.a), 0);
	tear_down(&t);
}

const struct test gup_tests[] = {
	{ "access: process_vm_readv and process_vm_writev", process_vm },
	{ "access: /proc/PID/mem", proc_mem },
	{ "access: read and write system calls", read_and_write },
	{ "access: O_DIRECT on a block device", direct },
	{ "access: pages in a pipe are left alone", spliced },
	{ "access: buffers registered with io_uring are left alone", registered },
	{ "access: futexes", futex },
	{ NULL, NULL },
};
