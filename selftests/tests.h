/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tests, by theme; medes-selftest.c makes suites of them. */
#ifndef SELFTEST_TESTS_H
#define SELFTEST_TESTS_H

#include "harness.h"

extern const struct test fork_tests[];
extern const struct test unmap_tests[];
extern const struct test gup_tests[];
extern const struct test trace_tests[];
extern const struct test kinds_tests[];
extern const struct test advice_tests[];
extern const struct test huge_tests[];
extern const struct test ksm_tests[];
extern const struct test encoding_tests[];
extern const struct test base_tests[];
extern const struct test lat_tests[];
extern const struct test rounds_tests[];
extern const struct test set_tests[];
extern const struct test record_tests[];
extern const struct test exec_tests[];
extern const struct test settle_tests[];
extern const struct test writers_tests[];
extern const struct test exit_tests[];
extern const struct test unload_tests[];
extern const struct test netlink_tests[];
extern const struct test attribute_tests[];
extern const struct test gate_tests[];
extern const struct test event_tests[];
extern const struct test load_tests[];
extern const struct test frozen_tests[];
extern const struct test sysfs_tests[];
extern const struct test ceiling_tests[];
extern const struct test memory_tests[];
extern const struct test swap_tests[];
extern const struct test govern_tests[];
extern const struct test oom_tests[];
extern const struct test fault_tests[];

#endif /* SELFTEST_TESTS_H */
