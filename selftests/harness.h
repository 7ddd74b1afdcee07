/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every guest test is written with.
 *
 * A test is a function that runs in a process of its own. It says CHECK(), which
 * notes a failure and goes on, or REQUIRE(), which ends the test, or SKIP() with
 * the reason. Processes that it forks may do so too. The harness adds what holds
 * for every test: it ends in time, the kernel has not complained meanwhile, and
 * afterwards the module holds no page, no record, no base, no device memory.
 */
#ifndef SELFTEST_HARNESS_H
#define SELFTEST_HARNESS_H

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_SKIP 4			/* kselftest's */

struct test {
	const char *name;
	void (*run)(void);
};

struct suite {
	const char *name;
	const struct test *const *groups;
};

/* A line that explains, in KTAP's way. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

void check_failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
unsigned int failures(void);

#define CHECK(condition, ...) \
	((condition) || (check_failed(__FILE__, __LINE__, #condition ": " __VA_ARGS__), false))

#define REQUIRE(condition, ...) \
	do { \
		if (!CHECK(condition, __VA_ARGS__)) \
			_exit(EXIT_FAILURE); \
	} while (0)

#define COMPARE(a, op, b) ({ \
	long long va_ = (a), vb_ = (b); \
	if (!(va_ op vb_)) \
		check_failed(__FILE__, __LINE__, "%s is %lld, wanted " #op " %s = %lld", #a, va_, \
			     #b, vb_); \
	va_ op vb_; })

#define CHECK_EQ(a, b) COMPARE(a, ==, b)
#define CHECK_GE(a, b) COMPARE(a, >=, b)
#define CHECK_LE(a, b) COMPARE(a, <=, b)
#define REQUIRE_EQ(a, b) \
	do { \
		if (!CHECK_EQ(a, b)) \
			_exit(EXIT_FAILURE); \
	} while (0)

/* The module's workers finish some things a moment later. */
#define SOON_MS 3000
#define SOON(condition) ({ \
	int left_ = slow() * SOON_MS; \
	while (!(condition) && left_ > 0) { \
		usleep(5000); \
		left_ -= 5; \
	} \
	left_ > 0; })

#define CHECK_SOON_EQ(a, b) ({ (void)SOON((long long)(a) == (long long)(b)); CHECK_EQ(a, b); })

/* How much longer everything may take here: 1, more under KASAN. */
unsigned int slow(void);

#define SKIP(...) skip(__VA_ARGS__)

int harness_main(const struct suite *suites, const char *name);
void harness_attach(void);

/* The kernel's log (kmsg.c). */
void kmsg_start(void);
unsigned int kmsg_complaints(void);

#endif /* SELFTEST_HARNESS_H */
