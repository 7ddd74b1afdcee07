// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a node makes of the bases that others offer (share_plan.c), the offers on their way
 * (offer.c), and the number that says that two bases are the same (registry.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "registry.h"
#include "share_plan.h"

#define MAX 16

static struct offer offers[MAX];
static struct share_offer shared[MAX];
static struct medes_base kernel[MAX];
static struct share_base bases[MAX];
static struct share_view view;
static char said[1024];
static bool domain_wanted;

static bool wanted(const char *domain, void *arg)
{
	(void)arg;
	return domain_wanted && !strcmp(domain, "shop");
}

/* 90 and above: peers that no daemon stands for */
static bool asked(uint32_t peer, void *arg)
{
	(void)arg;
	return peer && peer < 90;
}

static void on_action(const struct share_action *action, void *arg)
{
	static const char *const words[] = {
		[SHARE_IMPORT] = "import", [SHARE_ADD] = "add", [SHARE_LEAVE] = "leave",
		[SHARE_RESTORE] = "restore", [SHARE_DROP] = "drop", [SHARE_SELF] = "self",
	};
	size_t i, len = strlen(said);

	(void)arg;
	len += snprintf(said + len, sizeof(said) - len, "%s%s", len ? ", " : "", words[action->kind]);
	if (action->base)
		len += snprintf(said + len, sizeof(said) - len, " %llu",
				(unsigned long long)action->base);
	if (action->kind == SHARE_LEAVE)
		len += snprintf(said + len, sizeof(said) - len, " peer %u", action->peer);
	for (i = 0; i < action->n && action->kind != SHARE_SELF; i++)
		len += snprintf(said + len, sizeof(said) - len, " %u/%llu", action->offers[i]->peer,
				(unsigned long long)action->offers[i]->offer->base);
}

static void reset(void)
{
	memset(offers, 0, sizeof(offers));
	memset(shared, 0, sizeof(shared));
	memset(kernel, 0, sizeof(kernel));
	memset(bases, 0, sizeof(bases));
	view = (struct share_view){
		.bases = bases, .offers = shared, .wanted = wanted, .asked = asked,
	};
	domain_wanted = true;
}

/* The peer offers base with generation 7. */
static struct share_offer *offer(uint32_t peer, uint64_t base, uint64_t digest)
{
	struct share_offer *s = &shared[view.n_offers];
	struct offer *o = &offers[view.n_offers++];

	*o = (struct offer){ .base = base, .generation = 7, .digest = digest, .pages = 10 };
	strcpy(o->name, "web");
	strcpy(o->domain, "shop");
	*s = (struct share_offer){ .offer = o, .peer = peer, .fresh = true };
	return s;
}

static struct share_base *base(uint64_t id, uint64_t users)
{
	struct share_base *b = &bases[view.n_bases];
	struct medes_base *k = &kernel[view.n_bases++];

	k->id = id;
	k->users = users;
	k->pages = 10;
	strcpy(k->domain, "shop");
	b->base = k;
	return b;
}

static void replica(const struct share_base *b, uint32_t peer, uint64_t id, uint32_t state)
{
	struct medes_base *k = &kernel[b - bases];

	k->replicas[k->n_replicas++] = (struct medes_replica){
		.peer = peer, .base = id, .generation = 7, .state = state,
	};
}

#define READY MEDES_REPLICA_STATE_READY
#define WAITING MEDES_REPLICA_STATE_WAITING
#define REFUSED MEDES_REPLICA_STATE_REFUSED

static void expect(const char *what)
{
	said[0] = '\0';
	share_plan(&view, on_action, NULL);
	assert_string_equal(said, what);
}

static void what_is_offered_is_imported_once(void **state)
{
	(void)state;
	reset();
	offer(1, 5, 100);
	offer(2, 6, 100);
	offer(2, 8, 200);
	expect("import 1/5 2/6, import 2/8");
	replica(base(50, 0), 1, 5, WAITING);
	replica(base(51, 0), 2, 8, READY);
	/* the other one who has it is a replica */
	expect("add 50 2/6");
	replica(&bases[0], 2, 6, READY);
	expect("");
}

static uint64_t missed;			/* the base that look-ups have missed */

static bool worth(const struct share_offer *o, void *arg)
{
	(void)arg;
	return o->offer->base == missed;
}

static void what_no_look_up_has_missed_is_not_imported(void **state)
{
	(void)state;
	reset();
	offer(1, 5, 100);
	offer(2, 6, 100);
	offer(2, 8, 200);
	view.worth = worth;
	expect("");
	/* then from all who have it */
	missed = 6;
	expect("import 1/5 2/6");
	missed = 8;
	expect("import 2/8");
	/* what is imported stays, missed or not */
	missed = 0;
	replica(base(50, 0), 2, 8, READY);
	expect("");
	domain_wanted = false;
	missed = 6;
	expect("drop 50");
}

static void nothing_is_imported_without_use(void **state)
{
	struct share_offer *o;

	(void)state;
	reset();
	o = offer(1, 5, 100);
	domain_wanted = false;
	expect("");
	domain_wanted = true;
	o->cordoned = true;
	expect("");
	o->cordoned = false;
	o->draining = true;
	expect("");
	o->draining = false;
	o->fresh = false;
	expect("");
	o->fresh = true;
	o->peer = 0;
	expect("");
	o->peer = 1;
	offers[0].retired = true;
	expect("");
	offers[0].retired = false;
	/* the same pages are here */
	base(3, 9)->digest = 100;
	expect("");
	kernel[0].n_replicas = 0;
	bases[0].digest = 99;
	expect("import 1/5");
	/* another domain's pages are others, whatever their digest */
	bases[0].digest = 100;
	strcpy(kernel[0].domain, "school");
	expect("import 1/5");
}

static void there_are_at_most_so_many_replicas(void **state)
{
	uint32_t peer;

	(void)state;
	reset();
	for (peer = 1; peer <= 6; peer++)
		offer(peer, 5, 100);
	expect("import 1/5 2/5 3/5 4/5");
	base(50, 1);
	for (peer = 1; peer <= 4; peer++)
		replica(&bases[0], peer, 5, READY);
	expect("");
	kernel[0].replicas[1].state = REFUSED;
	expect("leave 50 peer 2, add 50 5/5");
}

static void an_import_without_use_is_dropped(void **state)
{
	(void)state;
	reset();
	offer(1, 5, 100);
	replica(base(50, 0), 1, 5, READY);
	domain_wanted = false;
	expect("drop 50");
	kernel[0].users = 1;
	expect("");
	domain_wanted = true;
	kernel[0].users = 0;
	offers[0].retired = true;
	expect("drop 50");
	offers[0].retired = false;
	/* the owner made it anew */
	offers[0].generation = 8;
	expect("drop 50, import 1/5");
	kernel[0].users = 1;
	expect("import 1/5");
	bases[0].keep = true;
	kernel[0].users = 0;
	expect("import 1/5");
}

static void who_is_away_has_no_say(void **state)
{
	struct share_offer *o;

	(void)state;
	reset();
	o = offer(1, 5, 100);
	replica(base(50, 4), 1, 5, WAITING);
	o->fresh = false;
	expect("");
	kernel[0].users = 0;
	expect("");
	/* and of whom nobody is asked, nothing is known */
	kernel[0].replicas[0].peer = 95;
	view.n_offers = 0;
	expect("");
}

static void readers_move_off_a_node_that_is_drained(void **state)
{
	struct share_offer *o;

	(void)state;
	reset();
	o = offer(1, 5, 100);
	replica(base(50, 4), 1, 5, READY);
	o->draining = true;
	/* until there is another one, they stay */
	expect("");
	offer(2, 6, 100);
	expect("add 50 2/6");
	replica(&bases[0], 2, 6, WAITING);
	expect("");
	kernel[0].replicas[1].state = READY;
	expect("leave 50 peer 1");
	/* a third that is drained as well is no way out */
	shared[1].draining = true;
	expect("");
}

static void what_nobody_takes_is_restored_then_dropped(void **state)
{
	struct share_offer *o;

	(void)state;
	reset();
	o = offer(1, 5, 100);
	replica(base(50, 4), 1, 5, READY);
	o->draining = true;
	offers[0].restore = true;
	expect("restore 50");
	kernel[0].users = 0;
	expect("drop 50");
	o->draining = false;
	expect("");
}

static void a_copy_here_serves_records_made_before(void **state)
{
	struct share_offer *own;

	(void)state;
	reset();
	offer(1, 5, 100);
	replica(base(50, 4), 1, 5, READY);
	own = offer(0, 60, 100);
	own->ours = true;
	base(60, 0)->digest = 100;
	expect("self 50");
	own->peer = 9;
	expect("add 50 9/60");
	replica(&bases[0], 9, 60, READY);
	expect("");
	/* and when they are gone, the import goes */
	kernel[0].users = 0;
	expect("drop 50");
}

static void a_copy_here_that_cannot_be_read_is_no_way_out(void **state)
{
	(void)state;
	reset();
	offer(1, 5, 100)->draining = true;
	replica(base(50, 4), 1, 5, READY);
	offer(0, 60, 100)->ours = true;
	base(60, 0)->digest = 100;
	expect("self 50");
	view.no_self = true;
	expect("restore 50");
	shared[0].draining = false;
	expect("");
}

static void an_owner_that_lost_it_is_left_for_another(void **state)
{
	(void)state;
	reset();
	offer(2, 6, 100);
	replica(base(50, 4), 1, 5, READY);
	replica(&bases[0], 2, 6, READY);
	/* node 1 answers, and offers nothing */
	expect("leave 50 peer 1");
	kernel[0].replicas[1].state = WAITING;
	expect("");
}

static void offers_survive_their_journey(void **state)
{
	struct offer one = {
		.base = UINT64_MAX, .generation = 1, .digest = 1ull << 63, .pages = 7, .leases = 2,
		.retired = true, .restore = true, .name = "a", .domain = "b", .function = "",
	};
	struct offer *back;
	json_t *array = offers_json(&one, 1);
	char error[200];
	size_t n;

	(void)state;
	assert_int_equal(offers_parse(array, &back, &n, error, sizeof(error)), 0);
	assert_int_equal(n, 1);
	assert_memory_equal(&one, back, sizeof(one));
	assert_ptr_equal(offers_find(back, n, UINT64_MAX, 1), back);
	assert_null(offers_find(back, n, UINT64_MAX, 2));
	free(back);
	json_decref(array);
}

static void offers_that_make_no_sense_are_refused_whole(void **state)
{
	static const char *const bad[] = { "base", "generation", "digest", "pages", "leases", "retired",
					   "restore", "name", "domain", "function" };
	struct offer two[2] = {
		{ .base = 1, .generation = 1, .digest = 1, .pages = 1, .name = "a", .domain = "b" },
		{ .base = 2, .generation = 1, .digest = 1, .pages = 1, .name = "a", .domain = "b" },
	};
	struct offer *back;
	char error[200];
	json_t *array;
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		array = offers_json(two, 2);
		json_object_set_new(json_array_get(array, 1), bad[i], json_string("../x"));
		if (!strcmp(bad[i], "retired") || !strcmp(bad[i], "restore"))
			json_object_set_new(json_array_get(array, 1), bad[i], json_integer(1));
		assert_int_not_equal(offers_parse(array, &back, &n, error, sizeof(error)), 0);
		assert_null(back);
		assert_int_equal(n, 0);
		assert_non_null(strstr(error, "entry 1"));
		json_decref(array);
	}
	assert_int_not_equal(offers_parse(NULL, &back, &n, error, sizeof(error)), 0);
}

static void the_same_pages_have_the_same_digest(void **state)
{
	struct medes_base_page pages[4] = {
		{ .index = 0, .hash = 11 }, { .index = 1, .hash = 12 }, { .index = 5, .hash = 13 },
		{ .index = 6, .hash = 11 },
	};
	struct registry *r = registry_new(16);
	uint64_t digest;

	(void)state;
	assert_int_equal(registry_digest(r, 1), 0);
	assert_int_equal(registry_add(r, "shop", 1, pages, 4), 0);
	digest = registry_digest(r, 1);
	assert_int_not_equal(digest, 0);
	/* in two parts, the last first */
	registry_add(r, "shop", 2, pages + 2, 2);
	assert_int_not_equal(registry_digest(r, 2), digest);
	registry_add(r, "shop", 2, pages, 2);
	assert_int_equal(registry_digest(r, 2), digest);
	/* two pages in each other's place are another base */
	pages[0].hash = 12;
	pages[1].hash = 11;
	registry_add(r, "shop", 3, pages, 4);
	assert_int_not_equal(registry_digest(r, 3), digest);
	registry_remove(r, 1);
	assert_int_equal(registry_digest(r, 1), 0);
	registry_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_offered_is_imported_once),
		cmocka_unit_test(what_no_look_up_has_missed_is_not_imported),
		cmocka_unit_test(nothing_is_imported_without_use),
		cmocka_unit_test(there_are_at_most_so_many_replicas),
		cmocka_unit_test(an_import_without_use_is_dropped),
		cmocka_unit_test(who_is_away_has_no_say),
		cmocka_unit_test(readers_move_off_a_node_that_is_drained),
		cmocka_unit_test(what_nobody_takes_is_restored_then_dropped),
		cmocka_unit_test(a_copy_here_serves_records_made_before),
		cmocka_unit_test(a_copy_here_that_cannot_be_read_is_no_way_out),
		cmocka_unit_test(an_owner_that_lost_it_is_left_for_another),
		cmocka_unit_test(offers_survive_their_journey),
		cmocka_unit_test(offers_that_make_no_sense_are_refused_whole),
		cmocka_unit_test(the_same_pages_have_the_same_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
