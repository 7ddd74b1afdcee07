// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The test base: one copy of each page of the family, from a process that ends
 * before the base is used, as the life of bases has it.
 */
#include "harness.h"
#include "parse.h"
#include "world.h"

struct listing {
	struct medes_base_page pages[FAMILY];
	size_t n;
};

static int on_base_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct listing *l = arg;
	struct medes_base_page page;
	int err = medes_parse_base_page(nlh, &page);

	(void)cmd;
	if (!err && l->n < FAMILY)
		l->pages[l->n] = page;
	l->n++;
	return err;
}

static void demarcate(const struct sandbox *s, const struct area *a, struct base *b)
{
	struct medes_target targets[FAMILY] = { 0 };
	struct medes_op op;
	uint32_t id;
	size_t i;

	for (i = 0; i < FAMILY; i++)
		targets[i].address = (uintptr_t)area_page(a, i);
	REQUIRE(!medes_demarcate(&nl, s->id, s->mm, b->id, targets, FAMILY, &id), "demarcate: %s",
		nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.error, 0);
	REQUIRE_EQ(op.stored, FAMILY);
}

/* Which page of the base is which of the family, by the hashes of a scan. */
static void match(struct base *b, const struct area *a, const struct medes_page *pages)
{
	struct listing l = { .n = 0 };
	size_t i, k;

	REQUIRE(!medes_nl_request(&nl, medes_base_page_message(&nl, b->id, 0), on_base_page, &l),
		"base pages: %s", nl.error);
	REQUIRE_EQ(l.n, FAMILY);
	for (i = 0; i < FAMILY; i++) {
		size_t of = (pages[i].address - (uintptr_t)a->at) / PAGE;

		for (k = 0; k < FAMILY && l.pages[k].hash != pages[i].hash; k++)
			;
		REQUIRE(k < FAMILY, "page %zu is not in the base", of);
		CHECK(!memcmp(l.pages[k].sketch, pages[i].sketch, MEDES_SKETCH_LEN),
		      "page %zu has another sketch in the base", of);
		b->index[of] = l.pages[k].index;
	}
}

void base_new_in(struct base *b, const char *domain)
{
	struct medes_page pages[FAMILY];
	static unsigned int number;
	struct medes_base got;
	struct sandbox s;
	struct victim v;
	struct area a;
	char name[64];

	victim_new(&v);
	victim_area(&v, &a, FAMILY, "s", 0);
	sandbox_new_in(&s, &v, domain);
	REQUIRE_EQ(scan(&s, &a, pages, FAMILY), FAMILY);
	snprintf(name, sizeof(name), "base-%d-%u", getpid(), ++number);
	REQUIRE(!medes_base_new(&nl, name, domain, "selftest", &got), "%s", nl.error);
	memset(b, 0, sizeof(*b));
	b->id = got.id;
	demarcate(&s, &a, b);
	match(b, &a, pages);
	victim_end(&v);
}

void base_new(struct base *b)
{
	base_new_in(b, DOMAIN);
}

int try_base_del(const struct base *b)
{
	return medes_base_del(&nl, b->id);
}

void base_del(const struct base *b)
{
	CHECK(SOON(try_base_del(b) != -EBUSY), "the base is still in use");
	CHECK_EQ(try_base_del(b), -ENOENT);
}
