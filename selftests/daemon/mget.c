// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * valkey-benchmark can speak to all servers of a cluster, but then sends keys of an MGET
 * to any of them; so one runs for each primary, with a hash tag that belongs to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mget.h"
#include "slots.h"
#include "valkey.h"

static char tags[3][12];			/* three digits */

/* What all servers together say of themselves under that name. */
double servers_say(struct valkeys *servers, const char *name)
{
	redisReply *reply;
	const char *at;
	double sum = 0;
	unsigned int i;

	for (i = 0; i < servers->n; i++) {
		reply = valkeys_command(servers, i, "INFO");
		at = reply && reply->str ? strstr(reply->str, name) : NULL;
		sum += at ? strtod(at + strlen(name), NULL) : 0;
		freeReplyObject(reply);
	}
	return sum;
}

double servers_cpu(struct valkeys *servers)
{
	return servers_say(servers, "used_cpu_user:") + servers_say(servers, "used_cpu_sys:");
}

/*
 * Runs one benchmark for each primary at once, of keys that it has. Return how many of the
 * commands were carried out a second, by the clock here: the rates that they tell are each of
 * its own time, and their sum is more than the machine ever did.
 */
static double run_benchmarks(struct valkeys *servers, const char *options, const char *command,
			     unsigned int commands)
{
	const char *program = getenv("VALKEY_BENCHMARK"), *at;
	uint64_t start = valkey_now();
	unsigned int i, good = 0;
	char line[8192];
	FILE *pipes[3];

	for (i = 0; i < servers->primaries; i++) {
		snprintf(line, sizeof(line), "%s -p %u -c 1 -n %u --csv %s %s 2>/dev/null",
			 program ? program : "valkey-benchmark", servers->port[i], commands, options,
			 command);
		while ((at = strstr(line, "TAG")))
			memcpy((char *)at, tags[i], 3);
		pipes[i] = popen(line, "r");
	}
	for (i = 0; i < servers->primaries; i++) {
		/* "the command's words","rate",... */
		while (pipes[i] && fgets(line, sizeof(line), pipes[i]))
			good += !!strstr(line, "\",\"");
		if (pipes[i])
			pclose(pipes[i]);
	}
	return good >= servers->primaries ? servers->primaries * commands * 1e6 / (valkey_now() - start) : 0;
}

/* A hash tag for each primary. */
static void find_tags(struct valkeys *servers)
{
	char key[8];
	unsigned int i, n;

	for (i = 0; i < servers->primaries; i++) {
		for (n = 100; n < 1000; n++) {
			snprintf(key, sizeof(key), "{%u}", n);
			if (valkeys_of_slot(servers, slot_of(key, strlen(key))) == i)
				break;
		}
		snprintf(tags[i], sizeof(tags[i]), "%u", n);
	}
}

static unsigned int keys_of_each(const struct valkeys *servers, const struct mget *like)
{
	return like->keys / servers->primaries;
}

/**
 * mget_fill() - enter the keys that mget() asks for
 * @servers: a cluster
 * @like: what it is to do
 */
void mget_fill(struct valkeys *servers, const struct mget *like)
{
	unsigned int keys = keys_of_each(servers, like);
	char options[96], command[8192];

	find_tags(servers);
	snprintf(options, sizeof(options), "-r %u -P 64", keys);
	snprintf(command, sizeof(command), "SET 'key:{TAG}:__rand_int__' %0*d", (int)like->value, 0);
	run_benchmarks(servers, options, command, 6 * keys);
}

/**
 * mget() - how fast valkey-benchmark looks keys up
 * @servers: a cluster that has the keys, by mget_fill()
 * @like: what it is to do
 * @cpu: receives seconds of CPU that the servers took for all of it
 *
 * One process for each primary, each with one connection. Return: keys a second, 0 when it failed.
 */
double mget(struct valkeys *servers, const struct mget *like, double *cpu)
{
	char options[96], command[8192];
	double rate;
	unsigned int i;
	size_t len;

	snprintf(options, sizeof(options), "-r %u -P %u", keys_of_each(servers, like),
		 like->in_flight / servers->primaries);
	len = snprintf(command, sizeof(command), "MGET");
	for (i = 0; i < like->of_command; i++)
		len += snprintf(command + len, sizeof(command) - len, " 'key:{TAG}:__rand_int__'");
	*cpu = servers_cpu(servers);
	rate = run_benchmarks(servers, options, command,
			      like->total / like->of_command / servers->primaries);
	*cpu = servers_cpu(servers) - *cpu;
	return rate * like->of_command;
}
