/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that tests do things to: it runs functions of this program that it is
 * told to, one at a time, and answers with their result. It can fork further
 * ones, and go on after exec, since a function is named by its place in the
 * program.
 */
#ifndef SELFTEST_VICTIM_H
#define SELFTEST_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "pages.h"

#define VICTIM_ARG 192
#define VICTIM_SPARE 3			/* forks that can be told apart */

struct victim {
	pid_t pid;
	int fd;
	uint64_t start_time;
	int spare[VICTIM_SPARE];	/* our ends of sockets for its forks */
	int spares;			/* taken of them */
};

typedef long (*victim_fn)(const void *arg);

void victim_new(struct victim *v);

/* Run a function there; the test ends when the victim does not answer. */
long victim_call(struct victim *v, victim_fn fn, const void *arg, size_t len);

/* The same in two halves; victim_try_start() and victim_result() are false when the victim died. */
bool victim_try_start(struct victim *v, victim_fn fn, const void *arg, size_t len);
void victim_start(struct victim *v, victim_fn fn, const void *arg, size_t len);
bool victim_result(struct victim *v, long *result);

/* The victim forks; the child obeys as well. */
void victim_fork(struct victim *v, struct victim *child);

/* The victim becomes a fresh process image, of the same pid; it forks no more. */
void victim_exec(struct victim *v);

void victim_end(struct victim *v);
void victim_kill(struct victim *v);

/* Is it, or its zombie, still there? */
bool victim_lives(const struct victim *v);

#define CALL(v, fn, arg) victim_call(v, fn, &(arg), sizeof(arg))
#define CALL0(v, fn) victim_call(v, fn, NULL, 0)

/* Areas in a victim: small pages of private anonymous memory, filled. */
void victim_area(struct victim *v, struct area *a, size_t pages, const char *mix, uint32_t seed);
size_t victim_wrong(struct victim *v, const struct area *a);
void victim_fill(struct victim *v, const struct area *a);
void victim_unmap(struct victim *v, const struct area *a);

/* Functions to call there. */
long do_map(const void *arg);		/* struct area: returns its address */
long do_fill(const void *arg);		/* struct area */
long do_wrong(const void *arg);		/* struct area: returns wrong pages */
long do_unmap(const void *arg);		/* struct area */

struct advice {
	struct area area;
	int advice;
};
long do_advise(const void *arg);	/* struct advice: returns 0 or -errno */

/* Private anonymous memory in this process; never huge. */
char *map_pages(size_t pages);

/* The other side: obey until told to end. */
void victim_obey(int fd) __attribute__((noreturn));
void victim_go_on(int fd) __attribute__((noreturn));	/* after exec */

#endif /* SELFTEST_VICTIM_H */
