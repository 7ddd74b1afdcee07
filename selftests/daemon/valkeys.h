/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real Valkey servers on loopback ports, for tests and benchmarks: one alone, or a
 * cluster. VALKEY_SERVER names another program, such as redis-server.
 */
#ifndef TEST_VALKEYS_H
#define TEST_VALKEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <hiredis/hiredis.h>

#define VALKEYS_MAX 6

struct valkeys {
	unsigned int n;			/* servers; the primaries come first */
	unsigned int primaries;		/* 0: one server without cluster mode */
	pid_t pid[VALKEYS_MAX];		/* 0: does not run */
	uint16_t port[VALKEYS_MAX];
	char dir[64];
	char servers[VALKEYS_MAX * 24];	/* for the configuration */
};

int valkeys_start(struct valkeys *v, unsigned int primaries, unsigned int replicas,
		  const char *const *options);
void valkeys_stop(struct valkeys *v);
void valkeys_signal(struct valkeys *v, unsigned int i, int number);
redisReply *valkeys_command(struct valkeys *v, unsigned int i, const char *format, ...);
bool valkeys_said(struct valkeys *v, unsigned int i, const char *text, const char *command);
unsigned int valkeys_of_slot(struct valkeys *v, unsigned int slot);

#endif /* TEST_VALKEYS_H */
