/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks, files of /proc and /sys, and the end of a measurement that cannot go on.
 */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <time.h>

#define PAGE 4096UL

/* Says why, and ends the program with status 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Time that all processors spent in tasks, kernel threads included. */
uint64_t cpu_ns(void);

/* A stretch of time: what it took by the clock, and of all processors. */
struct span {
	uint64_t ns;
	uint64_t cpu;
};

struct span span_begin(void);
struct span span_end(struct span begin);

void *must_alloc(size_t n, size_t size);
void *read_file(const char *path, size_t *len);
void write_text(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t read_number(const char *path, unsigned int field);

/* Numbers that are the same in every run. */
uint64_t random_next(uint64_t *seed);
void shuffle(uint32_t *v, size_t n, uint64_t seed);

#endif /* BENCH_UTIL_H */
