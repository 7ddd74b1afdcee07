// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-lat: how long faults on deduplicated pages take, as histograms by sandbox,
 * encoding and place of the base page. The counting is done in the kernel
 * (medes-lat.bpf.c); this loads it, waits, and shows what it found.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "medes-lat.skel.h"
#include "ops.h"
#include "show.h"

enum { DONE, FAILED, USAGE };

static struct {
	bool json;
	const char *sandbox;
	unsigned long seconds;		/* 0: until a signal */
} args;

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("medes-lat: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
}

static int usage(FILE *to)
{
	fputs("usage: medes-lat [-j] [-s SANDBOX] [SECONDS]\n"
	      "Shows how long faults on deduplicated pages took, for SECONDS or until Ctrl-C.\n"
	      "  -s, --sandbox NAME|ID  only this sandbox\n"
	      "  -j, --json             as JSON\n"
	      "  -h, --help             this\n", to);
	return to == stdout ? DONE : USAGE;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list list)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, list) : 0;
}

static bool number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *value && *value <= max;
}

/* The id that the user means; 0: there is none, which was said. */
static uint32_t sandbox_id(const char *text)
{
	static struct medes_nl nl;
	struct medes_sandbox sandbox;
	unsigned long id;

	if (number(text, UINT32_MAX, &id))
		return id;
	if (medes_nl_open(&nl)) {
		complain("%s", nl.error);
		return 0;
	}
	if (medes_sandbox_find(&nl, text, &sandbox)) {
		complain("%s", nl.error);
		id = 0;
	} else {
		id = sandbox.id;
		medes_sandbox_clear(&sandbox);
	}
	medes_nl_close(&nl);
	return id;
}

/* Why it can't be loaded, in words that help. */
static void explain(int err)
{
	if (access("/sys/kernel/medes", F_OK))
		complain("the module medes is not loaded: modprobe medes");
	else if (access("/sys/kernel/btf/medes", F_OK))
		complain("the module medes has no BTF: the kernel lacks CONFIG_DEBUG_INFO_BTF_MODULES,"
			 " or the module was built without the kernel's vmlinux");
	else if (err == -EPERM)
		complain("not permitted: it takes CAP_BPF and CAP_PERFMON, or root");
	else
		complain("cannot trace medes_fault: %s", strerror(-err));
}

static int collect(struct medes_lat_bpf *bpf)
{
	struct lat_entry *entries = calloc(LAT_KEYS, sizeof(*entries));
	int fd = bpf_map__fd(bpf->maps.hists);
	struct lat_key *last = NULL;
	size_t n = 0;

	if (!entries) {
		complain("no memory");
		return FAILED;
	}
	while (n < LAT_KEYS && !bpf_map_get_next_key(fd, last, &entries[n].key)) {
		last = &entries[n].key;
		if (!bpf_map_lookup_elem(fd, last, &entries[n].hist))
			n++;
	}
	show(entries, n, bpf->bss->dropped, args.json);
	free(entries);
	return DONE;
}

/* Until a signal comes, or the time is over. */
static void await(const sigset_t *signals)
{
	struct timespec end = { .tv_sec = args.seconds };
	int got;

	do
		got = args.seconds ? sigtimedwait(signals, NULL, &end) : sigwaitinfo(signals, NULL);
	while (got < 0 && errno == EINTR);
}

static int run(uint32_t sandbox, const sigset_t *signals)
{
	struct medes_lat_bpf *bpf = medes_lat_bpf__open();
	int err, code = FAILED;

	if (!bpf) {
		complain("cannot open the eBPF program: %s", strerror(errno));
		return FAILED;
	}
	bpf->rodata->only_sandbox = sandbox;
	err = medes_lat_bpf__load(bpf);
	if (!err)
		err = medes_lat_bpf__attach(bpf);
	if (err) {
		explain(err);
	} else {
		fprintf(stderr, "tracing%s\n", args.seconds ? "" : ", Ctrl-C ends it");
		await(signals);
		medes_lat_bpf__detach(bpf);
		code = collect(bpf);
	}
	medes_lat_bpf__destroy(bpf);
	return code;
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "sandbox", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "js:h", options, NULL)) >= 0) {
		switch (c) {
		case 'j': args.json = true; break;
		case 's': args.sandbox = optarg; break;
		case 'h': exit(usage(stdout));
		default: return usage(stderr);
		}
	}
	if (optind < argc && !number(argv[optind], 1000000, &args.seconds)) {
		complain("SECONDS is a number from 1 to 1000000, not '%s'", argv[optind]);
		return USAGE;
	}
	if (argc - optind > 1)
		return usage(stderr);
	return DONE;
}

int main(int argc, char **argv)
{
	uint32_t sandbox = 0;
	sigset_t signals;
	int code = parse(argc, argv);

	if (code)
		return code;
	libbpf_set_print(quiet);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (args.sandbox) {
		sandbox = sandbox_id(args.sandbox);
		if (!sandbox)
			return FAILED;
	}
	return run(sandbox, &signals);
}
