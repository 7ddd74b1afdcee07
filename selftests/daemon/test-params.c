// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parameters of the policies from and to text, and their explanations.
 */
#include <errno.h>
#include <math.h>
#include "world.h"

/* Parameters */

static void parameters_from_text(void **state)
{
	static const struct {
		const char *key;
		const char *value;
		int err;
		const char *words;
	} bad[] = {
		{ "keepalive2", "1s", -ENOENT, "keep_alive" },
		{ "keep_alive", "60", -EINVAL, "ms, s, min or h" },
		{ "keep_alive", "-1s", -EINVAL, "time" },
		{ "keep_alive", "", -EINVAL, "time" },
		{ "keep_alive", "0x10s", -EINVAL, "time" },
		{ "keep_alive", "nans", -EINVAL, "time" },
		{ "keep_alive", "1e9h", -ERANGE, "time" },
		{ "alpha", "inf", -EINVAL, "number" },
		{ "alpha", "2.5x", -EINVAL, "number" },
		{ "samples", "2.5", -EINVAL, "whole" },
		{ "samples", "0", -ERANGE, "1 to" },
		{ "objective", "speed", -EINVAL, "latency" },
		{ "headroom", "91", -ERANGE, "0 to 90" },
	};
	struct policy_params params, before;
	char error[512];
	size_t i;

	(void)state;
	policy_params_default(&params);
	assert_int_equal(policy_params_set(&params, "KeepAlive", "2min", error, sizeof(error)), 0);
	assert_int_equal(params.keep_alive, 120 * US_PER_S);
	assert_int_equal(policy_params_set(&params, "keep_dedup", "1.5h", error, sizeof(error)), 0);
	assert_int_equal(params.keep_dedup, 5400 * US_PER_S);
	assert_int_equal(policy_params_set(&params, "Idle", "250ms", error, sizeof(error)), 0);
	assert_int_equal(params.idle, 250000);
	assert_int_equal(policy_params_set(&params, "objective", "latency", error, sizeof(error)), 0);
	assert_int_equal(params.objective, POLICY_LATENCY);
	assert_int_equal(policy_params_set(&params, "Samples", "25", error, sizeof(error)), 0);
	assert_int_equal(params.samples, 25);
	assert_int_equal(policy_params_set(&params, "alpha", "3.25", error, sizeof(error)), 0);
	assert_true(params.alpha == 3.25);
	before = params;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(policy_params_set(&params, bad[i].key, bad[i].value, error,
						   sizeof(error)), bad[i].err);
		print_message("# %s\n", error);
		assert_non_null(strstr(error, bad[i].words));
		assert_memory_equal(&params, &before, sizeof(params));
	}
}

/* What is shown can be set again, and gives the same. */
static void parameters_shown_can_be_set(void **state)
{
	struct policy_params params, other;
	const char *key;
	char error[512];
	json_t *all, *value;

	(void)state;
	memset(&params, 0, sizeof(params));
	memset(&other, 0, sizeof(other));
	policy_params_default(&params);
	params.idle = 1500;
	params.objective = POLICY_LATENCY;
	params.alpha = 1.0 / 3;
	policy_params_default(&other);
	all = policy_params_json(&params);
	assert_non_null(all);
	json_object_foreach(all, key, value)
		assert_int_equal(policy_params_set(&other, key, json_string_value(value), error,
						   sizeof(error)), 0);
	assert_int_equal(other.idle, 1500);
	assert_int_equal(other.objective, POLICY_LATENCY);
	assert_true(fabs(other.alpha - 1.0 / 3) < 1e-9);
	assert_int_equal(other.keep_alive, params.keep_alive);
	assert_int_equal(json_object_size(all), 17);
	json_decref(all);
}

static void one_factor_scales_every_period(void **state)
{
	struct policy_params params;

	(void)state;
	policy_params_default(&params);
	policy_params_scale(&params, 0.1);
	assert_int_equal(params.interval, US_PER_S / 10);
	assert_int_equal(params.idle, 6 * US_PER_S);
	assert_int_equal(params.keep_alive, 60 * US_PER_S);
	assert_int_equal(params.keep_dedup, 720 * US_PER_S);
	assert_int_equal(params.window, 6 * US_PER_S);
	assert_true(params.alpha == 2.5);
}

static void policies_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(policy_find("medes"), &policy_medes);
	assert_ptr_equal(policy_find("fixed"), &policy_fixed);
	assert_ptr_equal(policy_find("adaptive"), &policy_adaptive);
	assert_null(policy_find("none"));
	assert_string_equal(policy_names(), "medes, fixed, adaptive");
	assert_string_equal(policy_names(), "medes, fixed, adaptive");
}

/* Explanations */

static void expect_text(json_t *all, const char *words)
{
	const char *text = json_string_value(json_object_get(all, "text"));

	if (!strstr(text, words))
		fail_msg("not there: %s\n%s", words, text);
}

static void explained_in_numbers_and_words(void **state)
{
	struct world w;
	json_t *all;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 31);
	w.policy.params.alpha = 100;
	add(&w, 0, POLICY_WARM, 100);
	add(&w, 0, POLICY_WARM, 10);
	add(&w, 0, POLICY_RUNNING, 10);
	decide(&w);
	all = policy_explain(&w.policy, &w.view, 0);
	assert_non_null(all);
	print_message("%s", json_string_value(json_object_get(all, "text")));
	expect_text(all, "31.000/s on average");
	expect_text(all, "3: 1 running, 2 warm");
	expect_text(all, "cold 1000.0 ms (assumed)");
	expect_text(all, "no division meets 31.00 requests/s at the peak");
	expect_text(all, "make a base one that is warm and idle for 100 s: the function has no base yet, and several");
	expect_text(all, "keep 2");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(all, "numbers"),
							    "wanted_dedup")), 3);
	assert_int_equal(json_array_size(json_object_get(all, "decisions")), 1);
	json_decref(all);
}

static void every_policy_explains_an_empty_function(void **state)
{
	static const struct policy_ops *const ops[] = {
		&policy_medes, &policy_fixed, &policy_adaptive,
	};
	struct world w;
	json_t *all;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		setup(&w, ops[i]);
		decide(&w);
		all = policy_explain(&w.policy, &w.view, 0);
		assert_non_null(all);
		print_message("%s", json_string_value(json_object_get(all, "text")));
		expect_text(all, ops[i]->summary);
		expect_text(all, "there are no sandboxes");
		assert_string_equal(json_string_value(json_object_get(all, "policy")), ops[i]->name);
		json_decref(all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_from_text),
		cmocka_unit_test(parameters_shown_can_be_set),
		cmocka_unit_test(one_factor_scales_every_period),
		cmocka_unit_test(policies_by_name),
		cmocka_unit_test(explained_in_numbers_and_words),
		cmocka_unit_test(every_policy_explains_an_empty_function),
	};

	return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
