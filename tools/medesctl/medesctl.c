// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl: finds the command that was meant and runs it.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl.h"

static const struct command *const tables[] = {
	sandbox_commands, base_commands, dedup_commands, settle_commands, restore_commands, unload_commands,
	stat_commands, watch_commands, features_commands, diagnose_commands, op_commands,
	function_commands, policy_commands, top_commands, record_commands,
	cluster_commands, peer_commands, share_commands, lease_commands,
	certificate_commands, node_commands, replicate_commands, status_commands,
};

static const struct {
	enum ctl_option option;
	const char *name;
} option_names[] = {
	{ OPT_PID, "--pid" }, { OPT_CGROUP, "--cgroup" }, { OPT_DOMAIN, "--domain" },
	{ OPT_FUNCTION, "--function" }, { OPT_ATTACH, "--attach" }, { OPT_NAME, "--name" },
	{ OPT_SPEC, "--spec" }, { OPT_BUNDLE, "--bundle" }, { OPT_DATA, "--data" }, { OPT_PATH, "--path" },
	{ OPT_METHOD, "--method" }, { OPT_WAIT, "--wait" }, { OPT_ALL, "--all" },
	{ OPT_KILL_LOST, "--kill-lost" }, { OPT_WORKING_SET, "--working-set" },
	{ OPT_KEY, "--key" }, { OPT_PORT, "--port" }, { OPT_FORCE, "--force" },
	{ OPT_RDMA_PORT, "--rdma-port" }, { OPT_DIR, "--dir" }, { OPT_DAYS, "--days" }, { OPT_TO, "--to" },
};

static volatile sig_atomic_t interrupts;

/**
 * complain() - say what went wrong, on stderr
 * @format: the sentence
 */
void complain(const char *format, ...)
{
	va_list args;

	fputs("medesctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void on_interrupt(int number)
{
	(void)number;
	interrupts++;
}

void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &action, NULL);
}

bool interrupted(void)
{
	return interrupts;
}

static void print_usage(FILE *to, const struct command *c)
{
	fprintf(to, "  medesctl %s%s%s%s%s\n", c->object, c->verb ? " " : "", c->verb ? c->verb : "",
		*c->usage ? " " : "", c->usage);
}

/* All commands, or those of an object. */
static void usage(FILE *to, const char *object)
{
	const struct command *c;
	size_t i;

	fputs("usage:\n", to);
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (c = tables[i]; c->object; c++) {
			if (object && strcmp(object, c->object))
				continue;
			print_usage(to, c);
			if (object)
				fprintf(to, "\t%s\n", c->help);
		}
	}
	fputs("everywhere: -j, --json  --socket PATH  -h, --help  -V, --version\n", to);
}

static bool known_object(const char *object)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		if (!strcmp(tables[i]->object, object))
			return true;
	return false;
}

static const struct command *find(const struct args *args)
{
	const struct command *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (c = tables[i]; c->object; c++) {
			if (strcmp(c->object, args->words[0]))
				continue;
			if (!c->verb || (args->n_words > 1 && !strcmp(c->verb, args->words[1])))
				return c;
		}
	}
	return NULL;
}

/* Do options and names fit the command? */
static bool fits(const struct command *c, const struct args *args, size_t n)
{
	unsigned int strange = args->given & ~c->options;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(option_names); i++) {
		if (strange & option_names[i].option) {
			complain("%s does not go with this command", option_names[i].name);
			return false;
		}
	}
	if (n > c->max_names) {
		complain("too many names");
		return false;
	}
	if (n < c->min_names && !(args->given & OPT_ALL)) {
		complain("a name is missing");
		return false;
	}
	if (c->required && !(args->given & c->required)) {
		complain("an option is missing");
		return false;
	}
	return true;
}

static enum exit_code run(const struct args *args)
{
	const struct command *c = NULL;
	size_t skip;

	if (args->version) {
		puts("medesctl " MEDES_VERSION);
		return DONE;
	}
	if (args->n_words)
		c = find(args);
	if (args->help) {
		usage(stdout, c || (args->n_words && known_object(args->words[0])) ?
		      args->words[0] : NULL);
		return DONE;
	}
	if (!c) {
		if (args->n_words && known_object(args->words[0])) {
			complain("%s: which of these?", args->words[0]);
			usage(stderr, args->words[0]);
		} else {
			if (args->n_words)
				complain("there is no command \"%s\"", args->words[0]);
			usage(stderr, NULL);
		}
		return USAGE;
	}
	skip = c->verb ? 2 : 1;
	if (!fits(c, args, args->n_words - skip)) {
		fputs("usage:\n", stderr);
		print_usage(stderr, c);
		return USAGE;
	}
	return c->run(args, args->words + skip, args->n_words - skip);
}

int main(int argc, char **argv)
{
	struct args args = { 0 };
	enum exit_code code = USAGE;

	if (!args_parse(&args, argc, argv))
		code = run(&args);
	free(args.pids);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output");
		return FAILED;
	}
	return code;
}
