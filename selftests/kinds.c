// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kinds of memory: private anonymous pages are stored wherever they lie, and
 * nothing else is, whatever user space asks for.
 */
#include <alloca.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 32
#define FILE_PATH "/tmp/selftest-file"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* An area that a function in the victim makes; its errno skips the test. */
static void set_up(struct setting *t, victim_fn make)
{
	long at;

	memset(t, 0, sizeof(*t));
	base_new(&t->b);
	victim_new(&t->v);
	t->a = (struct area){ .pages = PAGES, .seed = 10, .mix = MIX_STORED };
	at = CALL(&t->v, make, t->a);
	if (at > -4096 && at < 0)
		SKIP("this kind of memory can't be had: %s", strerror(-at));
	t->a.at = (char *)at;
	sandbox_new(&t->s, &t->v);
}

/* Neither shown by a scan nor stored when it is named. */
static void left_alone(victim_fn make)
{
	uint64_t unsuited = STAT(REFUSED_UNSUITED);
	struct setting t;

	set_up(&t, make);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
	CHECK_EQ(live(), 0);
	CHECK_EQ(away(&t.v, &t.a), 0);
	CHECK_EQ(STAT(REFUSED_UNSUITED) - unsuited, PAGES);
	setting_check_end(&t);
}

static void all_stored(victim_fn make)
{
	struct setting t;

	set_up(&t, make);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	setting_check_end(&t);
}

static long filled(struct area a, char *at)
{
	if (at == MAP_FAILED)
		return -errno;
	a.at = at;
	area_fill(&a);
	return (long)at;
}

static long make_mlocked(const void *arg)
{
	long at = do_map(arg);

	return mlock((char *)at, PAGES * PAGE) ? -errno : at;
}

static void mlocked(void)
{
	left_alone(make_mlocked);
}

static long make_shared(const void *arg)
{
	return filled(*(const struct area *)arg, mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
						       MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void shared(void)
{
	left_alone(make_shared);
}

static int file_with_pages(const struct area *a)
{
	struct area here = *a;
	int fd = open(FILE_PATH, O_CREAT | O_RDWR | O_TRUNC, 0600);

	here.at = map_pages(PAGES);
	area_fill(&here);
	REQUIRE(fd >= 0 && write(fd, here.at, PAGES * PAGE) == (ssize_t)(PAGES * PAGE), "%s: %s",
		FILE_PATH, strerror(errno));
	unlink(FILE_PATH);
	return fd;
}

static long touched(char *at)
{
	volatile char sink;
	size_t i;

	if (at == MAP_FAILED)
		return -errno;
	for (i = 0; i < PAGES; i++)
		sink = at[i * PAGE];
	(void)sink;
	return (long)at;
}

static long make_file_clean(const void *arg)
{
	return touched(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			    file_with_pages(arg), 0));
}

static void file_clean(void)
{
	left_alone(make_file_clean);
}

static long make_file_shared(const void *arg)
{
	return touched(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    file_with_pages(arg), 0));
}

static void file_shared(void)
{
	left_alone(make_file_shared);
}

static long make_hugetlb(const void *arg)
{
	(void)arg;
	if (sys_write("/proc/sys/vm/nr_hugepages", "2"))
		return -EOPNOTSUPP;
	return filled(*(const struct area *)arg,
		      mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
}

static void hugetlb(void)
{
	left_alone(make_hugetlb);
	sys_write("/proc/sys/vm/nr_hugepages", "0");
}

static long make_secret(const void *arg)
{
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		return -errno;
	return filled(*(const struct area *)arg, mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
						       MAP_SHARED, fd, 0));
}

static void secret(void)
{
	left_alone(make_secret);
}

static long make_file_copied(const void *arg)
{
	long at = make_file_clean(arg);
	size_t i;

	for (i = 0; at > 0 && i < PAGES; i++) {
		volatile char *byte = (char *)at + i * PAGE;

		*byte ^= 1;
		*byte ^= 1;
	}
	return at;
}

static void file_copied(void)
{
	all_stored(make_file_copied);
}

static long make_memfd_copied(const void *arg)
{
	int fd = memfd_create("selftest", 0);

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		return -errno;
	return filled(*(const struct area *)arg, mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
						       MAP_PRIVATE, fd, 0));
}

static void memfd_copied(void)
{
	all_stored(make_memfd_copied);
}

static long make_heap(const void *arg)
{
	char *at = sbrk((PAGES + 1) * PAGE);

	if (at == (void *)-1)
		return -errno;
	return filled(*(const struct area *)arg, (char *)(((uintptr_t)at + PAGE - 1) & -PAGE));
}

static void heap(void)
{
	all_stored(make_heap);
}

static long make_code(const void *arg)
{
	long at = do_map(arg);

	return mprotect((char *)at, PAGES * PAGE, PROT_READ | PROT_EXEC) ? -errno : at;
}

static void code(void)
{
	all_stored(make_code);
}

/* Below the frames in use, where the stack has been before. */
static long make_stack(const void *arg)
{
	struct area a = *(const struct area *)arg;
	char *at = alloca((2 * PAGES + 8) * PAGE);

	a.at = (char *)(((uintptr_t)at + PAGE) & -PAGE);
	area_fill(&a);
	return (long)a.at;
}

static void stack(void)
{
	all_stored(make_stack);
}

/* Holes and the zero page cost nothing as they are. */
static long make_holes(const void *arg)
{
	(void)arg;
	return (long)map_pages(PAGES);
}

static long make_zero_page(const void *arg)
{
	return touched((char *)make_holes(arg));
}

static void nothing_there(victim_fn make)
{
	struct setting t;

	set_up(&t, make);
	strcpy(t.a.mix, "z");
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
	CHECK_EQ(live(), 0);
	setting_check_end(&t);
}

static void holes(void)
{
	nothing_there(make_holes);
}

static void zero_page(void)
{
	nothing_there(make_zero_page);
}

/* Registered with userfaultfd for missing pages: a stored one is not missing. */
static long make_watched(const void *arg)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);
	long at = do_map(arg);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -errno;
	reg.range.start = at;
	reg.range.len = PAGES * PAGE;
	return ioctl(fd, UFFDIO_REGISTER, &reg) ? -errno : at;
}

static void watched(void)
{
	struct setting t;

	set_up(&t, make_watched);
	note("userfaultfd: %zu of %u pages stored", dedup(&t.s, &t.a, &t.b), PAGES);
	setting_check_end(&t);
}

static long make_guarded(const void *arg)
{
	long at = do_map(arg);

	return madvise((char *)at, PAGES / 2 * PAGE, MADV_GUARD_INSTALL) ? -errno : at;
}

static long do_half_wrong(const void *arg)
{
	const struct area *a = arg;

	return bytes_wrong(a, PAGES / 2, PAGES / 2, area_page(a, PAGES / 2));
}

static void guarded(void)
{
	struct setting t;

	set_up(&t, make_guarded);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES / 2);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES / 2);
	CHECK_EQ(CALL(&t.v, do_half_wrong, t.a), 0);
	setting_end(&t);
}

/* The whole of a process: only private writable or copied memory shows up. */
static void check_mapping(pid_t pid, uint64_t address)
{
	unsigned long start, end;
	char path[64], line[512], how[8];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, how) != 3 || address < start ||
		    address >= end)
			continue;
		found = true;
		CHECK(how[3] == 'p' && !strstr(line, "[vdso]") && !strstr(line, "[vvar"),
		      "a scan shows %" PRIx64 " in %s", address, line);
	}
	CHECK(found, "a scan shows %" PRIx64 ", where nothing is mapped", address);
	if (maps)
		fclose(maps);
}

static void whole_process(void)
{
	static struct medes_page pages[4096];
	size_t n, i, shown = 0;
	struct setting t;

	set_up(&t, do_map);
	n = scan(&t.s, NULL, pages, ARRAY_SIZE(pages));
	REQUIRE(n <= ARRAY_SIZE(pages), "%zu pages", n);
	for (i = 0; i < n; i++) {
		check_mapping(t.v.pid, pages[i].address);
		CHECK_EQ(pages[i].mm, t.s.mm);
		CHECK(!i || pages[i].address > pages[i - 1].address, "addresses do not ascend");
		shown += pages[i].address - (uintptr_t)t.a.at < PAGES * PAGE;
	}
	CHECK_EQ(shown, PAGES);
	CHECK_GE(STAT(SCANNED), n);
	setting_check_end(&t);
}

const struct test kinds_tests[] = {
	{ "kinds: private file, copied", file_copied },
	{ "kinds: private memfd", memfd_copied },
	{ "kinds: heap", heap },
	{ "kinds: stack", stack },
	{ "kinds: read-only and executable", code },
	{ "kinds: not mlocked memory", mlocked },
	{ "kinds: not shared memory", shared },
	{ "kinds: not a private file that is not written", file_clean },
	{ "kinds: not a shared file", file_shared },
	{ "kinds: not hugetlb", hugetlb },
	{ "kinds: not secret memory", secret },
	{ "kinds: not holes", holes },
	{ "kinds: not the zero page", zero_page },
	{ "kinds: userfaultfd", watched },
	{ "kinds: guard pages", guarded },
	{ "kinds: a scan of a whole process", whole_process },
	{ NULL, NULL },
};
