// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Subjects as sandboxes.
 *
 * Dedup is done as medesd does it: scan, look each page up, take the page that shares
 * most, send 512 targets a message. One thread does all that while the module's worker
 * stores; messages queue up, so the two overlap where they can.
 */
#include <inttypes.h>
#include <unistd.h>
#include "medes_way.h"
#include "parse.h"

#define POLL_US 1000
#define BATCH 128		/* pages looked up at once */

static struct medes_nl nl;
static struct registry *registry;

void medes_open(void)
{
	if (medes_nl_open(&nl))
		die("%s", nl.error);
	registry = registry_new(16);
	if (!registry)
		die("no memory for a registry");
}

void medes_close(void)
{
	registry_free(registry);
	medes_nl_close(&nl);
}

void sandbox_new(struct sandbox *s, struct subject *subject)
{
	struct medes_process process = { .pid = subject->pid, .start_time = subject->start_time };
	static unsigned int number;
	struct medes_sandbox got;
	char name[32];

	memset(s, 0, sizeof(*s));
	s->subject = subject;
	snprintf(name, sizeof(name), "bench-%u", ++number);
	if (medes_sandbox_new(&nl, name, BENCH_DOMAIN, "bench", &process, 1, &got))
		die("%s", nl.error);
	if (!got.n_processes)
		die("process %d is not in its sandbox", subject->pid);
	s->id = got.id;
	s->mm = got.processes[0].mm;
	medes_sandbox_clear(&got);
}

void sandbox_end(struct sandbox *s)
{
	medes_sandbox_del(&nl, s->id);
	usage_clear(&s->usage);
}

/* Wait for an operation; returns nanoseconds that it worked. */
static struct medes_op op_end(uint32_t id)
{
	struct medes_op op;

	for (;;) {
		if (medes_op_get(&nl, id, &op))
			die("operation %u: %s", id, nl.error);
		if (medes_op_ended(&op))
			break;
		usleep(POLL_US);
	}
	if (op.error)
		die("operation %u failed: %s", id, strerror(-op.error));
	return op;
}

struct scanning {
	const struct subject *subject;
	struct medes_page *page;
	size_t n, room;
};

static int on_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct scanning *s = arg;
	struct medes_page page;
	int err = medes_parse_page(nlh, &page);

	(void)cmd;
	/* the process's own stack and heap are not measured */
	if (err || page.address - s->subject->shared->area >= s->subject->image.area * PAGE)
		return err;
	if (s->n < s->room)
		s->page[s->n++] = page;
	return 0;
}

size_t scan(const struct sandbox *s, struct medes_page *page)
{
	struct scanning scanning = {
		.subject = s->subject, .page = page, .room = s->subject->image.n,
	};

	if (medes_nl_request(&nl, medes_scan_message(&nl, s->id), on_page, &scanning))
		die("scan: %s", nl.error);
	return scanning.n;
}

static void look_up(const struct registry *in, struct sandbox *s,
		    const struct medes_page *page, size_t n, struct medes_target *target)
{
	static struct candidates found[BATCH];

	for (size_t from = 0; from < n; from += BATCH) {
		size_t batch = n - from < BATCH ? n - from : BATCH;

		registry_lookup(in, BENCH_DOMAIN, page + from, batch, found);
		for (size_t i = 0; i < batch; i++) {
			const struct candidate *best;
			uint32_t pages, end;

			registry_has(in, s->usage.next.base, &pages, &end);
			best = choose(&s->usage, &found[i], usage_goes_on(&s->usage, pages, end));
			target[from + i] = (struct medes_target){
				.address = page[from + i].address,
				.base = best ? best->base : 0,
				.index = best ? best->index : 0,
			};
		}
	}
}

/* Send targets; returns how many operations that were. */
static size_t send_targets(const struct sandbox *s, const struct medes_target *target, size_t n,
			   uint64_t base, uint32_t *op)
{
	size_t ops = 0;

	for (size_t from = 0; from < n; from += MEDES_TARGETS_MAX) {
		size_t batch = n - from < MEDES_TARGETS_MAX ? n - from : MEDES_TARGETS_MAX;
		int err;

		do {
			err = base ? medes_demarcate(&nl, s->id, s->mm, base, target + from, batch,
						     &op[ops]) :
				     medes_dedup(&nl, s->id, s->mm, target + from, batch, &op[ops]);
			if (err == -ENOBUFS)
				usleep(POLL_US);
		} while (err == -ENOBUFS);
		if (err)
			die("%s", nl.error);
		ops++;
	}
	return ops;
}

struct dedup_cost dedup(struct sandbox *s)
{
	size_t room = s->subject->image.n;
	struct medes_page *page = must_alloc(room, sizeof(*page));
	struct medes_target *target = must_alloc(room, sizeof(*target));
	uint32_t *op = must_alloc(room / MEDES_TARGETS_MAX + 1, sizeof(*op));
	struct dedup_cost cost = { 0 };
	uint64_t before, after;
	struct span begin;
	size_t ops;

	begin = span_begin();
	before = now_ns();
	cost.scanned = scan(s, page);
	after = now_ns();
	cost.scan_ns = after - before;
	look_up(registry, s, page, cost.scanned, target);
	cost.choose_ns = now_ns() - after;
	ops = send_targets(s, target, cost.scanned, 0, op);
	for (size_t i = 0; i < ops; i++) {
		struct medes_op ended = op_end(op[i]);

		cost.stored += ended.stored;
		cost.store_ns += ended.elapsed_ns;
	}
	cost.whole = span_end(begin);
	free(op);
	free(target);
	free(page);
	return cost;
}

struct span restore(struct sandbox *s)
{
	struct span took = span_begin();
	uint32_t op;

	if (medes_restore(&nl, s->id, &op))
		die("%s", nl.error);
	/* polling is too coarse for what is over soon */
	took.ns = op_end(op).elapsed_ns;
	took.cpu = cpu_ns() - took.cpu;
	return took;
}

struct listing {
	struct medes_base_page *page;
	size_t n, room;
};

static int on_base_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct listing *l = arg;

	(void)cmd;
	return l->n < l->room ? medes_parse_base_page(nlh, &l->page[l->n++]) : -E2BIG;
}

static void learn(uint64_t base, size_t room)
{
	struct listing l = { .page = must_alloc(room, sizeof(*l.page)), .room = room };

	if (medes_nl_request(&nl, medes_base_page_message(&nl, base, 0), on_base_page, &l))
		die("pages of a base: %s", nl.error);
	if (registry_add(registry, BENCH_DOMAIN, base, l.page, l.n))
		die("no memory for the registry");
	free(l.page);
}

uint64_t base_of(struct sandbox *s, const char *name)
{
	size_t room = s->subject->image.n, n;
	struct medes_page *page = must_alloc(room, sizeof(*page));
	struct medes_target *target = must_alloc(room, sizeof(*target));
	uint32_t *op = must_alloc(room / MEDES_TARGETS_MAX + 1, sizeof(*op));
	struct medes_base base;
	size_t ops;

	if (medes_base_new(&nl, name, BENCH_DOMAIN, "bench", &base))
		die("%s", nl.error);
	n = scan(s, page);
	for (size_t i = 0; i < n; i++)
		target[i].address = page[i].address;
	ops = send_targets(s, target, n, base.id, op);
	for (size_t i = 0; i < ops; i++)
		op_end(op[i]);
	learn(base.id, room);
	restore(s);
	free(op);
	free(target);
	free(page);
	return base.id;
}

void base_end(uint64_t id)
{
	registry_remove(registry, id);
	if (medes_base_del(&nl, id))
		die("%s", nl.error);
}

uint64_t total(int stat)
{
	struct medes_features features;

	if (medes_features_get(&nl, &features))
		die("%s", nl.error);
	return features.stats.v[stat];
}

uint64_t deduplicated(void)
{
	struct medes_features features;

	if (medes_features_get(&nl, &features))
		die("%s", nl.error);
	return medes_stats_pages(&features.stats);
}

void look_up_in(const struct registry *in, struct sandbox *s, const struct medes_page *page,
		size_t n)
{
	struct medes_target *target = must_alloc(n, sizeof(*target));

	look_up(in, s, page, n, target);
	free(target);
}
