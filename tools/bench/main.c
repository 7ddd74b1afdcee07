// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-bench: what is measured in C. tools/bench/run starts it; its standard output is
 * JSON, what goes on is told on standard error.
 */
#include "measure.h"
#include "samples.h"
#include "subject.h"
#include "util.h"

static int usage(void)
{
	fputs("usage: medes-bench pages|memory|scaling|registry DIRECTORY ROUNDS FUNCTION...\n"
	      "Measures with the images of functions in DIRECTORY; tools/bench/run makes them.\n",
	      stderr);
	return 2;
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!value || value > 1000 || *end) {
		fprintf(stderr, "medes-bench: ROUNDS is a number from 1 to 1000, not '%s'\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "subject"))
		return subject_main(argv + 2);
	if (argc < 5)
		return usage();
	if (!strcmp(argv[1], "pages"))
		pages_main(argv[2], number(argv[3]), argv + 4, argc - 4);
	else if (!strcmp(argv[1], "memory"))
		memory_main(argv[2], argv + 4, argc - 4);
	else if (!strcmp(argv[1], "scaling"))
		scaling_main(argv[2], number(argv[3]), argv[4]);
	else if (!strcmp(argv[1], "registry"))
		registry_main(argv[2], number(argv[3]), argv[4]);
	else
		return usage();
	samples_print();
	return 0;
}
