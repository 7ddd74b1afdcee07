// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Debuggers: ptrace's PEEK and POKE, and the core file of a process whose pages
 * are stored.
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 64
#define PEEKED 6

static void set_up(struct setting *t)
{
	setting_stored(t, PAGES, MIX_STORED);
	REQUIRE_EQ(away(&t->v, &t->a), PAGES);
}

static void stop(pid_t pid)
{
	int status;

	REQUIRE(!ptrace(PTRACE_ATTACH, pid, NULL, NULL), "attach: %s", strerror(errno));
	REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "it does not stop");
}

static void peek_and_poke(void)
{
	uint64_t page[WORDS];
	struct setting t;
	size_t i, k;

	set_up(&t);
	stop(t.v.pid);
	for (i = 0; i < PEEKED; i++) {
		for (k = 0; k < WORDS; k++) {
			errno = 0;
			page[k] = ptrace(PTRACE_PEEKDATA, t.v.pid, area_page(&t.a, i) + 8 * k, NULL);
			CHECK(!errno, "page %zu word %zu: %s", i, k, strerror(errno));
		}
		CHECK_EQ(bytes_wrong(&t.a, i, 1, page), 0);
	}
	/* the next ones by writing first */
	for (i = PEEKED; i < 2 * PEEKED; i++) {
		page_make(page, page_kind(&t.a, i), t.a.seed, i);
		CHECK(!ptrace(PTRACE_POKEDATA, t.v.pid, area_page(&t.a, i) + 64, page[8]), "%s",
		      strerror(errno));
	}
	CHECK(!ptrace(PTRACE_DETACH, t.v.pid, NULL, NULL), "%s", strerror(errno));
	setting_check_end(&t);
}

static long do_die_with_core(const void *arg)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)arg;
	setrlimit(RLIMIT_CORE, &all);
	signal(SIGABRT, SIG_DFL);
	abort();
}

/* Where the file holds an address; NULL: nowhere. */
static const char *find_in_core(const char *core, size_t size, uint64_t address, size_t len)
{
	const Elf64_Ehdr *head = (const void *)core;
	const Elf64_Phdr *p = (const void *)(core + head->e_phoff);
	int i;

	for (i = 0; i < head->e_phnum; i++) {
		uint64_t in = address - p[i].p_vaddr;

		if (p[i].p_type == PT_LOAD && address >= p[i].p_vaddr &&
		    in + len <= p[i].p_filesz && p[i].p_offset + in + len <= size)
			return core + p[i].p_offset + in;
	}
	return NULL;
}

static void check_core(const char *path, const struct area *a)
{
	const char *core = MAP_FAILED, *bytes;
	struct stat st = { 0 };
	int fd = open(path, O_RDONLY);

	if (fd >= 0 && !fstat(fd, &st))
		core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	REQUIRE(core != MAP_FAILED, "%s: %s", path, strerror(errno));
	bytes = find_in_core(core, st.st_size, (uintptr_t)a->at, a->pages * PAGE);
	if (CHECK(bytes, "the core of %lld bytes does not hold the area", (long long)st.st_size))
		CHECK_EQ(bytes_wrong(a, 0, a->pages, bytes), 0);
	close(fd);
}

static void core_file(void)
{
	char was[256], path[64];
	struct setting t;
	int status;

	if (sys_read("/proc/sys/kernel/core_pattern", was, sizeof(was)) <= 0)
		SKIP("this kernel writes no core files");
	set_up(&t);
	sys_set("/proc/sys/kernel/core_pattern", "/tmp/selftest-core.%%p");
	victim_start(&t.v, do_die_with_core, NULL, 0);
	REQUIRE(waitpid(t.v.pid, &status, 0) == t.v.pid, "%s", strerror(errno));
	sys_set("/proc/sys/kernel/core_pattern", "%s", was);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && WCOREDUMP(status),
	      "status 0x%x", status);
	snprintf(path, sizeof(path), "/tmp/selftest-core.%d", t.v.pid);
	check_core(path, &t.a);
	unlink(path);
	CHECK_SOON_EQ(live(), 0);
	base_del(&t.b);
}

const struct test trace_tests[] = {
	{ "trace: PTRACE_PEEKDATA and PTRACE_POKEDATA", peek_and_poke },
	{ "trace: the core file of a process with stored pages", core_file },
	{ NULL, NULL },
};
