// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bases: filled from a process that goes on, used by several sandboxes of their
 * domain and of no other, kept while a record needs them.
 */
#include "harness.h"
#include "parse.h"
#include "tests.h"
#include "world.h"

#define PAGES 128

struct guest {
	struct victim v;
	struct area a;
	struct sandbox s;
};

static void guest_new(struct guest *g, const char *domain, uint32_t seed)
{
	victim_new(&g->v);
	victim_area(&g->v, &g->a, PAGES, MIX_BASE, seed);
	sandbox_new_in(&g->s, &g->v, domain);
}

static void base_get(uint64_t id, struct medes_base *out)
{
	struct medes_bases list;
	size_t i;

	memset(out, 0, sizeof(*out));
	REQUIRE(!medes_base_list(&nl, &list), "%s", nl.error);
	for (i = 0; i < list.n; i++)
		if (list.v[i].id == id)
			*out = list.v[i];
	medes_bases_clear(&list);
	REQUIRE_EQ(out->id, id);
}

static void demarcate(const struct guest *g, uint64_t base, size_t pages, struct medes_op *op)
{
	struct medes_target targets[PAGES] = { 0 };
	uint32_t id;
	size_t i;

	for (i = 0; i < pages; i++)
		targets[i].address = (uintptr_t)area_page(&g->a, i);
	REQUIRE(!medes_demarcate(&nl, g->s.id, g->s.mm, base, targets, pages, &id), "%s", nl.error);
	REQUIRE(op_wait(id, op), "operation %u is forgotten", id);
	CHECK_EQ(op->kind, MEDES_OP_KIND_DEMARCATE);
	CHECK_EQ(op->state, MEDES_OP_STATE_DONE);
	CHECK_EQ(op->base, base);
}

/* The source's own pages become records of their copies at once. */
static void demarcate_and_go_on(void)
{
	struct medes_base b, got;
	struct medes_op op;
	struct guest g;

	guest_new(&g, DOMAIN, 20);
	REQUIRE(!medes_base_new(&nl, "mine", DOMAIN, NULL, &b), "%s", nl.error);
	CHECK_EQ(b.pages, 0);
	demarcate(&g, b.id, PAGES, &op);
	CHECK_EQ(op.stored, PAGES);
	CHECK_EQ(away(&g.v, &g.a), PAGES);
	CHECK_EQ(STAT(PAGES_SAME), PAGES);
	CHECK_EQ(live(), PAGES);
	base_get(b.id, &got);
	CHECK_EQ(got.pages, PAGES);
	CHECK_EQ(got.used_pages, PAGES);
	CHECK_EQ(got.users, PAGES);
	CHECK_GE(got.bytes, PAGES * PAGE);
	CHECK_LE(got.bytes, PAGES * PAGE * 5 / 4);
	CHECK_EQ(STAT(BASE_PAGES), PAGES);
	CHECK_EQ(STAT(BASE_BYTES), got.bytes);
	CHECK_EQ(of_sandbox(&g.s, MEDES_A_STATS_BASE_PAGES), PAGES);
	CHECK_EQ(victim_wrong(&g.v, &g.a), 0);
	CHECK_SOON_EQ((base_get(b.id, &got), got.users), 0);
	CHECK_EQ(got.used_pages, 0);
	CHECK_EQ(got.pages, PAGES);
	/* the source writes; the base keeps what it copied */
	g.a.seed++;
	victim_fill(&g.v, &g.a);
	CHECK_EQ(victim_wrong(&g.v, &g.a), 0);
	victim_end(&g.v);
	CHECK_EQ(medes_base_del(&nl, b.id), 0);
	CHECK_SOON_EQ(STAT(BASE_PAGES), 0);
}

/* A base grows: a second batch goes behind the first. */
static void grow(void)
{
	struct medes_base b, got;
	struct guest g, h;
	struct medes_op op;

	guest_new(&g, DOMAIN, 21);
	guest_new(&h, DOMAIN, 22);
	REQUIRE(!medes_base_new(&nl, "mine", DOMAIN, "f", &b), "%s", nl.error);
	demarcate(&g, b.id, 10, &op);
	CHECK_EQ(op.stored, 10);
	demarcate(&h, b.id, PAGES, &op);
	CHECK_EQ(op.stored, PAGES);
	base_get(b.id, &got);
	CHECK_EQ(got.pages, PAGES + 10);
	CHECK_EQ(victim_wrong(&g.v, &g.a), 0);
	CHECK_EQ(victim_wrong(&h.v, &h.a), 0);
	victim_end(&g.v);
	victim_end(&h.v);
}

/* Pages that are gone or not fit leave no page in the base. */
static void demarcate_nothing(void)
{
	struct medes_base b, got;
	struct medes_op op;
	struct guest g;

	guest_new(&g, DOMAIN, 23);
	victim_unmap(&g.v, &g.a);
	REQUIRE(!medes_base_new(&nl, "mine", DOMAIN, NULL, &b), "%s", nl.error);
	demarcate(&g, b.id, PAGES, &op);
	CHECK_EQ(op.stored, 0);
	CHECK_EQ(op.done, PAGES);
	base_get(b.id, &got);
	CHECK_EQ(got.users, 0);
	CHECK_EQ(got.used_pages, 0);
	CHECK_EQ(live(), 0);
	victim_end(&g.v);
}

static void two_sandboxes(void)
{
	struct guest g, h;
	struct medes_base got;
	struct base b;

	base_new(&b);
	guest_new(&g, DOMAIN, 24);
	guest_new(&h, DOMAIN, 25);
	CHECK_EQ(dedup(&g.s, &g.a, &b), PAGES);
	CHECK_EQ(dedup(&h.s, &h.a, &b), PAGES);
	base_get(b.id, &got);
	CHECK_EQ(got.users, 2 * PAGES);
	CHECK_EQ(got.used_pages, FAMILY);
	CHECK_EQ(of_sandbox(&g.s, MEDES_A_STATS_PAGES_SAME) +
		 of_sandbox(&h.s, MEDES_A_STATS_PAGES_SAME), STAT(PAGES_SAME));
	CHECK_EQ(try_base_del(&b), -EBUSY);
	CHECK_EQ(victim_wrong(&g.v, &g.a), 0);
	CHECK_EQ(try_base_del(&b), -EBUSY);
	CHECK_EQ(away(&h.v, &h.a), PAGES);
	victim_kill(&g.v);
	CHECK_EQ(victim_wrong(&h.v, &h.a), 0);
	base_del(&b);
	victim_end(&h.v);
}

/* What is refused stores nothing: neither the page nor a word about it. */
static void other_domain(void)
{
	struct medes_target target;
	struct medes_op op;
	struct medes_base mine;
	struct base b;
	struct guest g;
	uint32_t id;

	base_new_in(&b, "other");
	guest_new(&g, DOMAIN, 26);
	target = area_target(&g.a, 0, &b);
	CHECK_EQ(try_dedup(&g.s, &target, 1, &op), -EXDEV);
	CHECK(strstr(nl.error, "domain"), "it is refused without a reason: %s", nl.error);
	CHECK_EQ(live(), 0);
	target.base = target.index = 0;
	CHECK_EQ(medes_demarcate(&nl, g.s.id, g.s.mm, b.id, &target, 1, &id), -EXDEV);
	CHECK_EQ(live(), 0);
	CHECK_EQ(away(&g.v, &g.a), 0);
	/* a name says nothing about the domain */
	REQUIRE(!medes_base_new(&nl, "same-name", DOMAIN, NULL, &mine), "%s", nl.error);
	CHECK_EQ(medes_base_new(&nl, "same-name", "other", NULL, &mine), -EEXIST);
	victim_end(&g.v);
}

/* Equal pages have different hashes in different domains. */
static void hashes_differ(void)
{
	struct medes_page first[FAMILY], second[FAMILY];
	struct sandbox s, t;
	struct victim v, w;
	struct area a, b;
	size_t i;

	victim_new(&v);
	victim_new(&w);
	victim_area(&v, &a, FAMILY, "s", 0);
	victim_area(&w, &b, FAMILY, "s", 0);
	sandbox_new_in(&s, &v, "one");
	sandbox_new_in(&t, &w, "two");
	REQUIRE_EQ(scan(&s, &a, first, FAMILY), FAMILY);
	REQUIRE_EQ(scan(&t, &b, second, FAMILY), FAMILY);
	for (i = 0; i < FAMILY; i++) {
		CHECK(first[i].hash != second[i].hash, "page %zu: equal hashes", i);
		CHECK(memcmp(first[i].sketch, second[i].sketch, MEDES_SKETCH_LEN),
		      "page %zu: equal sketches", i);
	}
	victim_end(&v);
	victim_end(&w);
}

static int on_base_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_base_page page;

	(void)cmd;
	if (medes_parse_base_page(nlh, &page))
		return -EPROTO;
	if (page.index == *(uint32_t *)arg)
		++*(uint32_t *)arg;
	return 0;
}

/* The list of a base's pages, whole and from an index on. */
static void list_pages(void)
{
	struct medes_base b;
	struct medes_op op;
	struct guest g;
	uint32_t next, from;

	guest_new(&g, DOMAIN, 27);
	REQUIRE(!medes_base_new(&nl, "mine", DOMAIN, NULL, &b), "%s", nl.error);
	demarcate(&g, b.id, PAGES, &op);
	for (from = 0; from <= PAGES; from += PAGES / 4) {
		next = from;
		CHECK(!medes_nl_request(&nl, medes_base_page_message(&nl, b.id, from), on_base_page,
					&next), "%s", nl.error);
		CHECK_EQ(next, PAGES);
	}
	CHECK_EQ(medes_nl_request(&nl, medes_base_page_message(&nl, b.id + 999, 0), NULL, NULL),
		 -ENOENT);
	victim_end(&g.v);
}

const struct test base_tests[] = {
	{ "base: its source goes on", demarcate_and_go_on },
	{ "base: grows by a second sandbox", grow },
	{ "base: of pages that are gone", demarcate_nothing },
	{ "base: two sandboxes on one", two_sandboxes },
	{ "base: of another domain is refused", other_domain },
	{ "base: hashes of two domains differ", hashes_differ },
	{ "base: the list of its pages", list_pages },
	{ NULL, NULL },
};
