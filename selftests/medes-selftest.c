// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest suites: which tests are in which, and the command line.
 */
#include "serve.h"
#include "tests.h"
#include "victim.h"

#define GROUPS(...) (const struct test *const []){ __VA_ARGS__, NULL }

static const struct suite suites[] = {
	{ "pages", GROUPS(encoding_tests, fork_tests, unmap_tests, gup_tests, trace_tests,
			  kinds_tests, advice_tests, huge_tests, ksm_tests, exec_tests) },
	{ "races", GROUPS(writers_tests, settle_tests, exit_tests, unload_tests, event_tests,
			  fault_tests) },
	{ "netlink", GROUPS(netlink_tests, attribute_tests, gate_tests, base_tests, sysfs_tests,
			    rounds_tests, set_tests, record_tests,
			    lat_tests) },
	{ "pressure", GROUPS(ceiling_tests, frozen_tests, swap_tests, memory_tests, oom_tests,
			     govern_tests, load_tests) },
	{ NULL, NULL },
};

static int usage(void)
{
	const struct suite *s;

	fputs("usage: medes-selftest SUITE|TEST      run it, in a guest; output is KTAP\n"
	      "       medes-selftest --serve PAGES SEED MIX\n"
	      "                                      hold memory and check it on request\n"
	      "suites:", stderr);
	for (s = suites; s->name; s++)
		fprintf(stderr, " %s", s->name);
	fputc('\n', stderr);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--victim"))
		victim_go_on(atoi(argv[2]));
	if (argc == 5 && !strcmp(argv[1], "--serve"))
		return serve(argv[2], argv[3], argv[4]);
	if (argc != 2 || argv[1][0] == '-')
		return usage();
	return harness_main(suites, argv[1]);
}
