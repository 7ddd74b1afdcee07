// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a peer says: what is right passes, and everything else is refused, each for
 * its own reason, without a look beyond its end. Messages and tables end where
 * memory ends.
 */
#include "pages.h"
#include "wire.h"

#define BASE 0x1122334455667788ULL
#define GENERATION 0x99aabbccddeeff01ULL

static const u8 cluster[MEDES_WIRE_CLUSTER] = "a cluster of us";

/* A copy, aligned as the kernel's buffers are, that ends where memory ends. */
static void *at_end(const void *data, size_t len)
{
	return memcpy(guarded(len ? (len + 7) / 8 * 8 : 8), data, len);
}

static struct medes_wire_hello good_hello(u16 kind)
{
	struct medes_wire_hello hello = { 0 };

	hello.magic = MEDES_WIRE_MAGIC;
	hello.version = MEDES_WIRE_VERSION;
	hello.kind = kind;
	memcpy(hello.cluster, cluster, sizeof(cluster));
	return hello;
}

static enum medes_wire_status check_hello(const struct medes_wire_hello *hello, size_t len)
{
	return medes_wire_check_hello(at_end(hello, len), len, cluster);
}

static void hello(void **state)
{
	struct medes_wire_hello h = good_hello(MEDES_WIRE_CONTROL);

	(void)state;
	assert_int_equal(check_hello(&h, sizeof(h)), MEDES_WIRE_OK);
	h.kind = MEDES_WIRE_DATA;
	assert_int_equal(check_hello(&h, sizeof(h)), MEDES_WIRE_OK);
	assert_int_equal(check_hello(&h, sizeof(h) - 1), MEDES_WIRE_MALFORMED);
	assert_int_equal(check_hello(&h, 0), MEDES_WIRE_MALFORMED);
	h.kind = 3;
	assert_int_equal(check_hello(&h, sizeof(h)), MEDES_WIRE_MALFORMED);
	h = good_hello(MEDES_WIRE_DATA);
	h.cluster[15] ^= 1;
	assert_int_equal(check_hello(&h, sizeof(h)), MEDES_WIRE_BAD_CLUSTER);
	/* a version that we do not know may mean anything by the rest */
	h.version = MEDES_WIRE_VERSION + 1;
	assert_int_equal(check_hello(&h, sizeof(h)), MEDES_WIRE_BAD_VERSION);
	h.magic ^= 1;
	assert_int_equal(check_hello(&h, sizeof(h)), MEDES_WIRE_MALFORMED);
}

static void answers_to_hello(void **state)
{
	struct medes_wire_welcome w = { .magic = MEDES_WIRE_MAGIC, .version = MEDES_WIRE_VERSION };
	struct medes_wire_refusal r = { .magic = MEDES_WIRE_MAGIC, .version = MEDES_WIRE_VERSION };
	u16 status;

	(void)state;
	assert_int_equal(medes_wire_check_welcome(at_end(&w, sizeof(w)), sizeof(w)), 0);
	assert_int_equal(medes_wire_check_welcome(at_end(&w, sizeof(w) - 1), sizeof(w) - 1),
			 -EPROTO);
	w.version++;
	assert_int_equal(medes_wire_check_welcome(&w, sizeof(w)), -EPROTO);
	for (status = 0; status < MEDES_WIRE_STATUS_MAX + 2; status++) {
		bool known = status && status < MEDES_WIRE_STATUS_MAX;

		r.status = status;
		assert_int_equal(medes_wire_check_refusal(at_end(&r, sizeof(r)), sizeof(r)),
				 known ? status : -EPROTO);
	}
	r.status = MEDES_WIRE_BAD_KEY;
	assert_int_equal(medes_wire_check_refusal(at_end(&r, 7), 7), -EPROTO);
	r.magic = 0;
	assert_int_equal(medes_wire_check_refusal(&r, sizeof(r)), -EPROTO);
}

static int check_message(const struct medes_wire_message *message)
{
	return medes_wire_check_message(at_end(message, sizeof(*message)), sizeof(*message));
}

static void messages(void **state)
{
	struct medes_wire_message m = { 0 };
	u16 type;

	(void)state;
	for (type = 0; type < MEDES_WIRE_TYPE_MAX + 2; type++) {
		m = (struct medes_wire_message){ .type = type };
		if (type == MEDES_WIRE_PROVE)
			strcpy(m.prove.name, "n");
		if (type == MEDES_WIRE_ADMIT) {
			strcpy(m.admit.name, "n");
			m.admit.tokens = 1;
			m.admit.lease_ms = 1;
		}
		if (type == MEDES_WIRE_GRANT)
			m.grant.len = sizeof(struct medes_wire_table);
		assert_int_equal(check_message(&m), type && type < MEDES_WIRE_TYPE_MAX ? type :
				 -EPROTO);
		/* an answer that says no need not say anything else; a question can't */
		memset(&m.pad, 0xff, sizeof(m.pad));
		m.status = MEDES_WIRE_BUSY;
		assert_int_equal(check_message(&m), type && type < MEDES_WIRE_TYPE_MAX &&
				 !(type & 1) ? type : -EPROTO);
		m.status = MEDES_WIRE_STATUS_MAX;
		assert_int_equal(check_message(&m), -EPROTO);
	}
	m = (struct medes_wire_message){ .type = MEDES_WIRE_PING };
	assert_int_equal(medes_wire_check_message(at_end(&m, sizeof(m) - 1), sizeof(m) - 1),
			 -EPROTO);
	assert_int_equal(medes_wire_check_message(&m, sizeof(m) + 1), -EPROTO);
}

static void fields_of_messages(void **state)
{
	struct medes_wire_message m = { .type = MEDES_WIRE_ADMIT };

	(void)state;
	strcpy(m.admit.name, "node");
	m.admit.lease_ms = 1;
	m.admit.tokens = MEDES_WIRE_TOKENS;
	assert_int_equal(check_message(&m), MEDES_WIRE_ADMIT);
	m.admit.tokens = MEDES_WIRE_TOKENS + 1;
	assert_int_equal(check_message(&m), -EPROTO);
	m.admit.tokens = 1;
	m.admit.lease_ms = 0;
	assert_int_equal(check_message(&m), -EPROTO);
	m.admit.lease_ms = 1;
	memset(m.admit.name, 'x', sizeof(m.admit.name));
	assert_int_equal(check_message(&m), -EPROTO);
	memset(m.admit.name, 0, sizeof(m.admit.name));
	assert_int_equal(check_message(&m), -EPROTO);
	strcpy(m.admit.name, "a\033b");
	assert_int_equal(check_message(&m), -EPROTO);
	strcpy(m.admit.name, "a");
	m.admit.name[5] = 'b';
	assert_int_equal(check_message(&m), -EPROTO);

	m = (struct medes_wire_message){ .type = MEDES_WIRE_GRANT };
	m.grant.len = MEDES_WIRE_TABLE;
	assert_int_equal(check_message(&m), MEDES_WIRE_GRANT);
	m.grant.len++;
	assert_int_equal(check_message(&m), -EPROTO);
	m.grant.len = sizeof(struct medes_wire_table) - 1;
	assert_int_equal(check_message(&m), -EPROTO);
}

/* Two extents of three pages and two, with holes. */
#define EXTENTS 2
#define PAGES 5

static struct {
	struct medes_wire_table head;
	struct medes_wire_extent extent[EXTENTS];
	struct medes_wire_page page[PAGES];
} table;

static void make_table(void)
{
	static const u32 index[PAGES] = { 0, 2, 511, 512, 700 };
	int i;

	memset(&table, 0, sizeof(table));
	table.head.magic = MEDES_WIRE_MAGIC;
	table.head.version = MEDES_WIRE_VERSION;
	table.head.base = BASE;
	table.head.generation = GENERATION;
	table.head.extents = EXTENTS;
	table.head.pages = PAGES;
	table.extent[0].pages = 3;
	table.extent[1].pages = 2;
	for (i = 0; i < PAGES; i++)
		table.page[i].index = index[i];
}

static int check_table(void)
{
	return medes_wire_check_table(at_end(&table, sizeof(table)), sizeof(table), BASE,
				      GENERATION);
}

static void good_table(void **state)
{
	(void)state;
	make_table();
	assert_int_equal(sizeof(table), medes_wire_table_size(EXTENTS, PAGES));
	assert_int_equal(check_table(), 0);
	assert_ptr_equal(medes_wire_extents(&table.head), table.extent);
	assert_ptr_equal(medes_wire_pages(&table.head), table.page);
}

static void tables_of_others(void **state)
{
	(void)state;
	make_table();
	table.head.base++;
	assert_int_equal(check_table(), -ESTALE);
	make_table();
	table.head.generation++;
	assert_int_equal(check_table(), -ESTALE);
}

#define BAD(change) do { \
	make_table(); \
	change; \
	assert_int_equal(check_table(), -EPROTO); \
} while (0)

static void bad_tables(void **state)
{
	size_t len;

	(void)state;
	BAD(table.head.magic++);
	BAD(table.head.version++);
	BAD(table.head.extents++);
	BAD(table.head.pages++);
	BAD(table.head.pages = 0xffffffff);
	BAD(table.head.extents = 0xffffffff);
	/* sizes whose sum overflows to the right length */
	BAD(table.head.extents = 0x10000000; table.head.pages = 0xf0000007);
	BAD(table.extent[0].pages = 0);
	BAD(table.extent[0].pages = MEDES_WIRE_EXTENT + 1);
	BAD(table.extent[1].pages = 3);
	BAD(table.extent[1].pages = 1);
	BAD(table.extent[1].iova = -4096ULL);
	BAD(table.page[1].index = 0);
	BAD(table.page[3].index = 511);
	BAD(table.page[2].index = 512; table.page[3].index = 513);
	BAD(table.page[4].index = 1024);
	BAD(table.page[4].zero = 1);
	make_table();
	for (len = 0; len < sizeof(table); len++)
		assert_int_equal(medes_wire_check_table(at_end(&table, len), len, BASE, GENERATION),
				 -EPROTO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),
		cmocka_unit_test(answers_to_hello),
		cmocka_unit_test(messages),
		cmocka_unit_test(fields_of_messages),
		cmocka_unit_test(good_table),
		cmocka_unit_test(tables_of_others),
		cmocka_unit_test(bad_tables),
	};

	return cmocka_run_group_tests_name("what a peer says", tests, NULL, NULL);
}
