// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How these programs end when they can't go on.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *must(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}
