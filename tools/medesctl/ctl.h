/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * medesctl: one file per object, one function per command. A command gets what
 * the command line said and returns an exit code; what it prints goes through
 * print.h, what went wrong through complain().
 *
 * libmedes (lib/) holds what medesd needs as well.
 */
#ifndef MEDESCTL_CTL_H
#define MEDESCTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "medes.h"

enum exit_code { DONE, FAILED, USAGE };

enum ctl_option {
	OPT_PID = 1 << 0,
	OPT_CGROUP = 1 << 1,
	OPT_DOMAIN = 1 << 2,
	OPT_FUNCTION = 1 << 3,
	OPT_ATTACH = 1 << 4,
	OPT_NAME = 1 << 5,
	OPT_WAIT = 1 << 6,
	OPT_ALL = 1 << 7,
	OPT_KILL_LOST = 1 << 8,
	OPT_WORKING_SET = 1 << 9,
	OPT_DIR = 1 << 10,
	OPT_DAYS = 1 << 11,
	OPT_TO = 1 << 12,
	OPT_RDMA_PORT = 1 << 13,
	OPT_SPEC = 1 << 16,
	OPT_DATA = 1 << 17,
	OPT_PATH = 1 << 18,
	OPT_METHOD = 1 << 19,
	OPT_KEY = 1 << 20,
	OPT_PORT = 1 << 21,
	OPT_FORCE = 1 << 22,
	OPT_BUNDLE = 1 << 23,
	OPT_CLUSTER = 1 << 24,
};

#define WORDS_MAX 128

struct args {
	bool json;
	bool help;
	bool version;
	const char *socket;
	unsigned int given;		/* OPT_* */
	const char *cgroup;
	const char *domain;
	const char *function;
	const char *name;
	const char *spec;
	const char *bundle;
	const char *data;
	const char *path;
	const char *method;
	const char *key;
	const char *port;
	const char *rdma_port;
	const char *dir;
	const char *days;
	const char *to;
	uint32_t *pids;
	size_t n_pids;
	const char *words[WORDS_MAX];	/* what is no option: object, verb, names */
	size_t n_words;
};

struct command {
	const char *object;
	const char *verb;		/* NULL: the object is the command */
	const char *usage;
	const char *help;
	unsigned int options;		/* OPT_* that it takes */
	unsigned int required;		/* OPT_* that it needs, one of which is enough */
	size_t min_names;
	size_t max_names;
	/* names: what comes behind object and verb */
	enum exit_code (*run)(const struct args *args, const char *const *names, size_t n);
};

extern const struct command sandbox_commands[], base_commands[], dedup_commands[],
	settle_commands[], restore_commands[], unload_commands[], stat_commands[], watch_commands[],
	features_commands[], diagnose_commands[], op_commands[],
	function_commands[], policy_commands[], top_commands[], record_commands[],
	cluster_commands[], peer_commands[], share_commands[], lease_commands[],
	certificate_commands[], node_commands[], replicate_commands[], status_commands[];

int args_parse(struct args *args, int argc, char **argv);

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ctrl-C: noted instead of ending us. */
void interrupt_catch(void);
bool interrupted(void);

#endif /* MEDESCTL_CTL_H */
