// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that run while their pages are stored and brought back. Threads
 * write words of which each has one owner, who knows what it must hold: a lost
 * or stale write shows at the next visit.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 256
#define THREADS 4
#define SECONDS 3

/* State of the threads; lives in the victim. */
static struct crowd {
	struct area area;
	pthread_t thread[THREADS];
	bool stop;
	long operations;
	long wrong;
} crowd;

static bool stopped(void)
{
	return __atomic_load_n(&crowd.stop, __ATOMIC_RELAXED);
}

static void tally(long operations, long wrong)
{
	__atomic_add_fetch(&crowd.operations, operations, __ATOMIC_RELAXED);
	__atomic_add_fetch(&crowd.wrong, wrong, __ATOMIC_RELAXED);
}

/* Thread number's word of page i. */
static uint64_t *own_word(size_t i, long number)
{
	return (uint64_t *)area_page(&crowd.area, i) + 8 * number + 3;
}

static void *write_words(void *arg)
{
	uint64_t *count = calloc(PAGES, sizeof(*count)), x;
	long number = (long)arg, n = 0, wrong = 0;
	size_t i;

	x = number;
	for (i = 0; i < PAGES; i++)
		count[i] = *own_word(i, number);
	for (; !stopped(); n++) {
		volatile uint64_t *word;

		x = mix64(x);
		i = x % PAGES;
		word = own_word(i, number);
		if (*word != count[i] && wrong++ < 3)
			note("thread %ld, page %zu: is %" PRIx64 ", was written %" PRIx64, number, i,
			     *word, count[i]);
		count[i] = x;
		*word = x;
	}
	for (i = 0; i < PAGES; i++)
		wrong += *own_word(i, number) != count[i];
	free(count);
	tally(n, wrong);
	return NULL;
}

/* Unmaps and maps anew its part of the area, and fills it. */
static void *map_anew(void *arg)
{
	const size_t pages = PAGES / THREADS;
	long number = (long)arg, n = 0, wrong = 0;
	char *at = area_page(&crowd.area, number * pages);
	uint64_t want[WORDS];
	size_t i;

	for (; !stopped(); n++) {
		if (n % 2)
			madvise(at, pages * PAGE, MADV_DONTNEED);
		else
			mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (i = 0; i < pages; i++)
			page_make((uint64_t *)(at + i * PAGE), 'w', number, n + i);
		sched_yield();
		for (i = 0; i < pages; i++) {
			page_make(want, 'w', number, n + i);
			wrong += memcmp(want, at + i * PAGE, PAGE) != 0;
		}
	}
	for (i = 0; i < pages; i++)
		page_make((uint64_t *)(at + i * PAGE), page_kind(&crowd.area, number * pages + i),
			  crowd.area.seed, number * pages + i);
	tally(n, wrong);
	return NULL;
}

/* All read everything: several faults on one page at the same time. */
static void *read_all(void *arg)
{
	long n = 0, wrong = 0;

	(void)arg;
	for (; !stopped(); n++)
		wrong += area_wrong(&crowd.area);
	tally(n, wrong);
	return NULL;
}

struct job {
	struct area area;
	int kind;
};

static long do_start(const void *arg)
{
	static void *(*const kinds[])(void *) = { write_words, map_anew, read_all };
	const struct job *job = arg;
	long i;

	memset(&crowd, 0, sizeof(crowd));
	crowd.area = job->area;
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&crowd.thread[i], NULL, kinds[job->kind], (void *)i))
			return -1;
	return 0;
}

static long do_stop(const void *arg)
{
	int i;

	(void)arg;
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		pthread_join(crowd.thread[i], NULL);
	note("%ld rounds of the threads", crowd.operations);
	CHECK(crowd.operations > 0, "the threads did nothing");
	return crowd.wrong;
}

static long do_fork_and_protect(const void *arg)
{
	const struct area *a = arg;
	pid_t pid = fork();

	if (!pid) {
		usleep(1000);
		_exit(0);
	}
	mprotect(a->at, PAGES / 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	mprotect(a->at, PAGES / 2 * PAGE, PROT_READ | PROT_WRITE);
	return 0;
}

static void set_up(struct setting *t, int kind)
{
	struct job job;

	base_new(&t->b);
	victim_new(&t->v);
	/* a process of its own: what it shared by fork, others would keep stored */
	victim_exec(&t->v);
	victim_area(&t->v, &t->a, PAGES, MIX_STORED, 50);
	sandbox_new(&t->s, &t->v);
	job = (struct job){ t->a, kind };
	REQUIRE_EQ(CALL(&t->v, do_start, job), 0);
}

static void tear_down(struct setting *t)
{
	CHECK_EQ(CALL0(&t->v, do_stop), 0);
	setting_end(t);
}

/* One behind the other, so that the second meets what the first has just done. */
static void dedup_then_restore(struct setting *t, size_t *stored, size_t *restored)
{
	struct medes_op op;
	uint32_t ops[2];

	REQUIRE_EQ(dedup_start(&t->s, &t->a, &t->b, ops, 1), 1);
	REQUIRE(!medes_restore(&nl, t->s.id, &ops[1]), "%s", nl.error);
	CHECK(op_wait(ops[0], &op) && !op.error, "dedup: error %d", op.error);
	*stored += op.stored;
	CHECK(op_wait(ops[1], &op) && !op.error, "restore: error %d", op.error);
	*restored += op.stored;
}

/* Operations are not required to store anything at once, but to end well. */
static void churn(struct setting *t, bool fork)
{
	double end = sys_seconds() + SECONDS, patience = end + 10 * SECONDS;
	size_t stored = 0, restored = 0;
	uint64_t faults = STAT(FAULTS);
	int round;

	for (round = 1; sys_seconds() < (stored ? end : patience); round++) {
		if (round % 2)
			dedup_then_restore(t, &stored, &restored);
		else
			stored += dedup(&t->s, &t->a, &t->b);
		if (round % 3 == 0)
			scan(&t->s, &t->a, NULL, 0);
		if (fork && round % 5 == 0)
			CALL(&t->v, do_fork_and_protect, t->a);
	}
	note("%d rounds, %zu pages stored, %zu restored, %" PRIu64 " faults; left because changed %"
	     PRIu64 ", held %" PRIu64, round, stored, restored, STAT(FAULTS) - faults,
	     STAT(REFUSED_CHANGED), STAT(REFUSED_PINNED));
	CHECK(stored > 0, "nothing was stored in %d rounds", round);
}

static void words(void)
{
	struct setting t;

	set_up(&t, 0);
	churn(&t, false);
	tear_down(&t);
}

static void words_and_forks(void)
{
	struct setting t;

	set_up(&t, 0);
	churn(&t, true);
	tear_down(&t);
}

static void mappings(void)
{
	struct setting t;

	set_up(&t, 1);
	churn(&t, false);
	CHECK_EQ(CALL0(&t.v, do_stop), 0);
	dedup(&t.s, &t.a, &t.b);
	setting_check_end(&t);
}

static void readers(void)
{
	struct setting t;

	set_up(&t, 2);
	churn(&t, false);
	tear_down(&t);
}

/* Two sandboxes on one base, both busy, both stored at the same time. */
static void two_at_once(void)
{
	struct setting t[2];
	double end;
	uint32_t ops[4];
	struct medes_op op;
	size_t i, n, queued = 0;

	set_up(&t[0], 0);
	set_up(&t[1], 0);
	end = sys_seconds() + SECONDS;
	while (sys_seconds() < end) {
		n = dedup_start(&t[0].s, &t[0].a, &t[1].b, ops, 1);
		n += dedup_start(&t[1].s, &t[1].a, &t[1].b, ops + n, 1);
		if (!medes_restore(&nl, 0, &ops[n]))
			n++;
		CHECK_EQ(n, 3);
		queued += n;
		try_base_del(&t[0].b);
		/* "everything" can't be had while others go on storing */
		for (i = 0; i < n; i++)
			CHECK(op_wait(ops[i], &op) &&
			      (!op.error || (op.error == -EAGAIN && !op.sandbox)),
			      "operation %u: error %d", ops[i], op.error);
	}
	note("%zu operations", queued);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(CALL0(&t[i].v, do_stop), 0);
		victim_end(&t[i].v);
	}
	base_del(&t[1].b);
}

/* The whole of a running multi-threaded process: stacks, heap, libraries' data. */
static void whole_process(void)
{
	static struct medes_page pages[8192];
	static struct medes_target targets[MEDES_TARGETS_MAX];
	struct medes_op op;
	size_t n, i, k, stored = 0;
	struct setting t;
	int round;

	set_up(&t, 0);
	for (round = 0; round < 3; round++) {
		n = scan(&t.s, NULL, pages, ARRAY_SIZE(pages));
		for (i = 0; i < n && i < ARRAY_SIZE(pages); i += k) {
			for (k = 0; k < MEDES_TARGETS_MAX && i + k < n; k++)
				targets[k] = (struct medes_target){ .address = pages[i + k].address };
			REQUIRE(!try_dedup(&t.s, targets, k, &op), "%s", nl.error);
			stored += op.stored;
		}
	}
	note("%zu pages of the process stored in three rounds", stored);
	CHECK(stored > 0, "nothing was stored");
	tear_down(&t);
}

const struct test writers_tests[] = {
	{ "writers: threads that write words", words },
	{ "writers: with forks and mprotect", words_and_forks },
	{ "writers: threads that map anew", mappings },
	{ "writers: threads that fault on the same pages", readers },
	{ "writers: two busy sandboxes at once", two_at_once },
	{ "writers: all pages of a running process", whole_process },
	{ NULL, NULL },
};
