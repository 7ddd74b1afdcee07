// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line: options may stand anywhere, names keep their order. Numbers
 * that follow --pid are further pids.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl.h"

/* Values of options that have no letter begin here, OPT_* are added. */
#define LONG_ONLY 0x10000000

static int add_pid(struct args *args, const char *text)
{
	unsigned long pid;
	uint32_t *pids;
	char *end;

	errno = 0;
	pid = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !pid || pid > INT32_MAX) {
		complain("--pid: \"%s\" is no process id", text);
		return -EINVAL;
	}
	pids = realloc(args->pids, (args->n_pids + 1) * sizeof(*pids));
	if (!pids) {
		complain("no memory for %zu process ids", args->n_pids + 1);
		return -ENOMEM;
	}
	args->pids = pids;
	pids[args->n_pids++] = pid;
	return 0;
}

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static int add_word(struct args *args, const char *word, bool after_pid)
{
	if (after_pid && all_digits(word))
		return add_pid(args, word);
	if (args->n_words == WORDS_MAX) {
		complain("too many arguments, from \"%s\" on", word);
		return -E2BIG;
	}
	args->words[args->n_words++] = word;
	return 0;
}

static int add_option(struct args *args, unsigned int option)
{
	args->given |= option;
	switch (option) {
	case OPT_PID:
		return add_pid(args, optarg);
	case OPT_CGROUP:
		args->cgroup = optarg;
		break;
	case OPT_DOMAIN:
		args->domain = optarg;
		break;
	case OPT_FUNCTION:
		args->function = optarg;
		break;
	case OPT_NAME:
		args->name = optarg;
		break;
	case OPT_SPEC:
		args->spec = optarg;
		break;
	case OPT_BUNDLE:
		args->bundle = optarg;
		break;
	case OPT_DATA:
		args->data = optarg;
		break;
	case OPT_PATH:
		args->path = optarg;
		break;
	case OPT_METHOD:
		args->method = optarg;
		break;
	case OPT_KEY:
		args->key = optarg;
		break;
	case OPT_PORT:
		args->port = optarg;
		break;
	case OPT_RDMA_PORT:
		args->rdma_port = optarg;
		break;
	case OPT_DIR:
		args->dir = optarg;
		break;
	case OPT_DAYS:
		args->days = optarg;
		break;
	case OPT_TO:
		args->to = optarg;
		break;
	}
	return 0;
}

/**
 * args_parse() - take the command line apart
 * @args: zeroed; receives it
 * @argc: as main() got it
 * @argv: likewise
 *
 * Return: 0, or a negative errno after a complaint.
 */
int args_parse(struct args *args, int argc, char **argv)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "socket", required_argument, NULL, 's' },
		{ "pid", required_argument, NULL, LONG_ONLY + OPT_PID },
		{ "cgroup", required_argument, NULL, LONG_ONLY + OPT_CGROUP },
		{ "domain", required_argument, NULL, LONG_ONLY + OPT_DOMAIN },
		{ "function", required_argument, NULL, LONG_ONLY + OPT_FUNCTION },
		{ "attach", no_argument, NULL, LONG_ONLY + OPT_ATTACH },
		{ "name", required_argument, NULL, LONG_ONLY + OPT_NAME },
		{ "spec", required_argument, NULL, LONG_ONLY + OPT_SPEC },
		{ "bundle", required_argument, NULL, LONG_ONLY + OPT_BUNDLE },
		{ "data", required_argument, NULL, LONG_ONLY + OPT_DATA },
		{ "path", required_argument, NULL, LONG_ONLY + OPT_PATH },
		{ "method", required_argument, NULL, LONG_ONLY + OPT_METHOD },
		{ "key", required_argument, NULL, LONG_ONLY + OPT_KEY },
		{ "port", required_argument, NULL, LONG_ONLY + OPT_PORT },
		{ "rdma-port", required_argument, NULL, LONG_ONLY + OPT_RDMA_PORT },
		{ "cluster", no_argument, NULL, LONG_ONLY + OPT_CLUSTER },
		{ "dir", required_argument, NULL, LONG_ONLY + OPT_DIR },
		{ "days", required_argument, NULL, LONG_ONLY + OPT_DAYS },
		{ "to", required_argument, NULL, LONG_ONLY + OPT_TO },
		{ "force", no_argument, NULL, LONG_ONLY + OPT_FORCE },
		{ "wait", no_argument, NULL, LONG_ONLY + OPT_WAIT },
		{ "all", no_argument, NULL, LONG_ONLY + OPT_ALL },
		{ "kill-lost", no_argument, NULL, LONG_ONLY + OPT_KILL_LOST },
		{ "working-set", no_argument, NULL, LONG_ONLY + OPT_WORKING_SET },
		{ NULL, 0, NULL, 0 },
	};
	bool after_pid = false;
	int c, err = 0;

	args->socket = MEDES_SOCKET;
	/* "-": arguments come in their order, as option 1 */
	while (!err && (c = getopt_long(argc, argv, "-jhV", table, NULL)) != -1) {
		if (c == 1) {
			err = add_word(args, optarg, after_pid);
			continue;
		}
		after_pid = c == LONG_ONLY + OPT_PID;
		if (c == 'j')
			args->json = true;
		else if (c == 'h')
			args->help = true;
		else if (c == 'V')
			args->version = true;
		else if (c == 's')
			args->socket = optarg;
		else if (c >= LONG_ONLY)
			err = add_option(args, c - LONG_ONLY);
		else
			err = -EINVAL;
	}
	for (; !err && optind < argc; optind++)	/* behind "--" */
		err = add_word(args, argv[optind], false);
	return err;
}
