// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module as tests see it. The netlink socket belongs to one process; who
 * forks and wants to ask as well opens its own by world_open().
 */
#include <fcntl.h>
#include "harness.h"
#include "parse.h"
#include "sys.h"
#include "world.h"

#define POLL_US 1000		/* how often an operation is asked for; */
#define POLL_MAX_US 16000	/* less and less often, as asking takes time from it */
#define PM_PRESENT (1ULL << 63)
#define PM_SWAP (1ULL << 62)

struct medes_nl nl;

/**
 * world_load() - load the module, if it is not
 */
int world_load(void)
{
	return sys_run("modprobe medes >&2");
}

void world_open(void)
{
	medes_nl_close(&nl);
	REQUIRE(!medes_nl_open(&nl), "%s", nl.error);
}

static void drop_all(void)
{
	struct medes_sandboxes sandboxes;
	struct medes_bases bases;
	size_t i;

	if (!medes_sandbox_list(&nl, &sandboxes)) {
		for (i = 0; i < sandboxes.n; i++)
			medes_sandbox_del(&nl, sandboxes.v[i].id);
		medes_sandboxes_clear(&sandboxes);
	}
	if (!medes_base_list(&nl, &bases)) {
		for (i = 0; i < bases.n; i++)
			CHECK(SOON(medes_base_del(&nl, bases.v[i].id) != -EBUSY),
			      "base %s is still in use", bases.v[i].name);
		medes_bases_clear(&bases);
	}
}

/**
 * world_settle() - after a test: nothing of it may be left in the module
 *
 * Its processes are gone, so its pages must be; what has names is dropped here.
 */
void world_settle(void)
{
	if (sys_number("/sys/kernel/medes/pages_zero") < 0 && world_load())
		return;
	world_open();
	CHECK_SOON_EQ(live(), 0);
	drop_all();
	CHECK_SOON_EQ(STAT(BASE_BYTES), 0);
	CHECK_SOON_EQ(STAT(BASE_PAGES), 0);
	CHECK_SOON_EQ(STAT(RECORD_BYTES), 0);
	CHECK_SOON_EQ(STAT(PAGES_LOST), 0);
	medes_nl_close(&nl);
}

/**
 * world_end() - after the last test: device memory goes back a while later
 */
void world_end(void)
{
	world_open();
	CHECK_SOON_EQ(STAT(DEVICE_PAGE_BYTES), 0);
	medes_nl_close(&nl);
	CHECK(SOON(!sys_run("rmmod medes 2>/dev/null")), "the module does not unload");
}

int try_sandbox_new(struct sandbox *s, const struct victim *v, const char *domain)
{
	struct medes_process process = { .pid = v->pid, .start_time = v->start_time };
	static unsigned int number;
	struct medes_sandbox got;
	int err;

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "sandbox-%d-%u", getpid(), ++number);
	err = medes_sandbox_new(&nl, s->name, domain, "selftest", &process, 1, &got);
	if (err)
		return err;
	s->id = got.id;
	CHECK_EQ(got.n_processes, 1);
	CHECK(!strcmp(got.name, s->name), "it is named %s", got.name);
	CHECK(!strcmp(got.domain, domain), "it is in %s", got.domain);
	if (got.n_processes) {
		CHECK_EQ(got.processes[0].pid, v->pid);
		s->mm = got.processes[0].mm;
	}
	medes_sandbox_clear(&got);
	return 0;
}

void sandbox_new_in(struct sandbox *s, const struct victim *v, const char *domain)
{
	REQUIRE(!try_sandbox_new(s, v, domain), "%s", nl.error);
}

void sandbox_new(struct sandbox *s, const struct victim *v)
{
	sandbox_new_in(s, v, DOMAIN);
}

void sandbox_del(struct sandbox *s)
{
	CHECK(!medes_sandbox_del(&nl, s->id), "%s", nl.error);
}

uint32_t sandbox_attach(const struct sandbox *s, const struct victim *v)
{
	struct medes_process process = { .pid = v->pid, .start_time = v->start_time };
	struct medes_sandbox got;
	uint32_t mm = 0;
	bool in = false;
	size_t i;

	REQUIRE(!medes_sandbox_attach(&nl, s->id, &process, 1), "%s", nl.error);
	REQUIRE(!medes_sandbox_get(&nl, s->id, &got), "%s", nl.error);
	for (i = 0; i < got.n_processes; i++) {
		if (got.processes[i].pid != (uint32_t)v->pid)
			continue;
		in = true;
		mm = got.processes[i].mm;
	}
	medes_sandbox_clear(&got);
	REQUIRE(in, "%d is not in the sandbox that it was attached to", v->pid);
	return mm;
}

uint32_t sandbox_state(const struct sandbox *s)
{
	struct medes_sandbox got;
	uint32_t state;
	int err = medes_sandbox_get(&nl, s->id, &got);

	if (err == -ENOENT)	/* dead and buried */
		return MEDES_SANDBOX_STATE_DEAD;
	REQUIRE(!err, "%s", nl.error);
	state = got.state;
	medes_sandbox_clear(&got);
	return state;
}

bool op_wait(uint32_t id, struct medes_op *op)
{
	unsigned int us = POLL_US;
	int err;

	for (;;) {
		err = medes_op_get(&nl, id, op);
		if (err == -ENOENT)
			return false;
		REQUIRE(!err, "operation %u: %s", id, nl.error);
		if (medes_op_ended(op))
			return true;
		usleep(us);
		us = us * 5 / 4 < POLL_MAX_US ? us * 5 / 4 : POLL_MAX_US;
	}
}

/* One that nothing disturbed. */
static size_t op_good(uint32_t id, size_t pages)
{
	struct medes_op op;

	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK(op.state == MEDES_OP_STATE_DONE, "operation %u: state %u, error %d", id, op.state,
	      op.error);
	CHECK_EQ(op.error, 0);
	CHECK_EQ(op.lost, 0);
	if (pages) {
		CHECK_EQ(op.total, pages);
		CHECK_EQ(op.done, pages);
	}
	return op.stored;
}

struct medes_target area_target(const struct area *a, size_t i, const struct base *b)
{
	struct medes_target t = { .address = (uintptr_t)area_page(a, i) };

	if (b && strchr("sw", page_kind(a, i))) {
		t.base = b->id;
		t.index = b->index[i % FAMILY];
	}
	return t;
}

/* Queue as much of the area as one message may name, from a page on. */
static int start_some(const struct sandbox *s, uint32_t mm, const struct area *a, size_t first,
		      const struct base *b, uint32_t *op, size_t *n)
{
	struct medes_target targets[MEDES_TARGETS_MAX];
	size_t i;

	*n = a->pages - first < MEDES_TARGETS_MAX ? a->pages - first : MEDES_TARGETS_MAX;
	for (i = 0; i < *n; i++)
		targets[i] = area_target(a, first + i, b);
	return medes_dedup(&nl, s->id, mm, targets, *n, op);
}

size_t dedup_mm(const struct sandbox *s, uint32_t mm, const struct area *a, const struct base *b)
{
	size_t first, n, stored = 0;
	uint32_t op;

	for (first = 0; first < a->pages; first += n) {
		REQUIRE(!start_some(s, mm, a, first, b, &op, &n), "dedup: %s", nl.error);
		stored += op_good(op, n);
	}
	return stored;
}

size_t dedup(const struct sandbox *s, const struct area *a, const struct base *b)
{
	return dedup_mm(s, s->mm, a, b);
}

size_t dedup_start(const struct sandbox *s, const struct area *a, const struct base *b,
		   uint32_t *ops, size_t max)
{
	size_t first, n, count = 0;

	for (first = 0; first < a->pages && count < max; first += n)
		if (start_some(s, s->mm, a, first, b, &ops[count], &n))
			break;
		else
			count++;
	return count;
}

int try_dedup(const struct sandbox *s, const struct medes_target *targets, size_t n,
	      struct medes_op *op)
{
	uint32_t id;
	int err = medes_dedup(&nl, s->id, s->mm, targets, n, &id);

	if (!err)
		REQUIRE(op_wait(id, op), "operation %u is forgotten", id);
	return err;
}

size_t restore(const struct sandbox *s)
{
	uint32_t op;

	REQUIRE(!medes_restore(&nl, s ? s->id : 0, &op), "restore: %s", nl.error);
	return op_good(op, 0);
}

size_t restore_set(const struct sandbox *s)
{
	uint32_t op;

	REQUIRE(!medes_restore_set(&nl, s->id, &op), "restore: %s", nl.error);
	return op_good(op, 0);
}

size_t restore_all(void)
{
	return restore(NULL);
}

struct scanning {
	const struct area *area;
	struct medes_page *pages;
	size_t max;
	size_t n;
};

static int on_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct scanning *s = arg;
	struct medes_page page;
	int err = medes_parse_page(nlh, &page);

	(void)cmd;
	if (err)
		return err;
	if (s->area && page.address - (uintptr_t)s->area->at >= s->area->pages * PAGE)
		return 0;
	if (s->n < s->max)
		s->pages[s->n] = page;
	s->n++;
	return 0;
}

size_t scan(const struct sandbox *s, const struct area *a, struct medes_page *pages, size_t max)
{
	struct scanning scanning = { .area = a, .pages = pages, .max = max };

	REQUIRE(!medes_nl_request(&nl, medes_scan_message(&nl, s->id), on_page, &scanning),
		"scan: %s", nl.error);
	return scanning.n;
}

uint64_t total(int stat)
{
	struct medes_features features;

	REQUIRE(!medes_features_get(&nl, &features), "features: %s", nl.error);
	return features.stats.v[stat];
}

uint64_t of_sandbox(const struct sandbox *s, int stat)
{
	struct medes_sandbox got;
	uint64_t value;

	REQUIRE(!medes_sandbox_get(&nl, s->id, &got), "%s", nl.error);
	value = got.stats.v[stat];
	medes_sandbox_clear(&got);
	return value;
}

uint64_t live(void)
{
	struct medes_features features;

	REQUIRE(!medes_features_get(&nl, &features), "features: %s", nl.error);
	return medes_stats_pages(&features.stats);
}

static size_t count_entries(const struct victim *v, const struct area *a, uint64_t mask,
			    uint64_t want)
{
	size_t len = a->pages * sizeof(uint64_t), i, n = 0;
	uint64_t *entries = malloc(len);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", v->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(entries && fd >= 0, "%s: %s", path, strerror(errno));
	REQUIRE(pread(fd, entries, len, (uintptr_t)a->at / PAGE * sizeof(uint64_t)) == (ssize_t)len,
		"%s: %s", path, strerror(errno));
	for (i = 0; i < a->pages; i++)
		n += (entries[i] & mask) == want;
	free(entries);
	close(fd);
	return n;
}

size_t away(const struct victim *v, const struct area *a)
{
	return count_entries(v, a, PM_PRESENT | PM_SWAP, PM_SWAP);
}

size_t present(const struct victim *v, const struct area *a)
{
	return count_entries(v, a, PM_PRESENT, PM_PRESENT);
}
