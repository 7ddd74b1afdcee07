// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers with units. A unit is part of the number wherever one could be in doubt, so a
 * time without one is refused.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "units.h"

const struct unit units_none[] = { { "", 1 }, { NULL, 0 } };

const struct unit units_bytes[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { NULL, 0 },
};

const struct unit units_mebibytes[] = {
	{ "M", 1 }, { "G", 1 << 10 }, { "T", 1 << 20 }, { NULL, 0 },
};

const struct unit units_seconds[] = {
	{ "ms", 0.001 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { NULL, 0 },
};

const struct unit units_milliseconds[] = { { "ms", 1 }, { "s", 1000 }, { NULL, 0 } };

double units_parse(const char *text, const struct unit *units, bool whole)
{
	char *end;
	double n;

	/* no sign, and none of strtod()'s other forms */
	if (!isdigit((unsigned char)*text) || strpbrk(text, "xXpP"))
		return NAN;
	n = strtod(text, &end);
	if (whole && strspn(text, "0123456789") != (size_t)(end - text))
		return NAN;
	for (; units->suffix; units++)
		if (!strcmp(end, units->suffix))
			return n * units->factor;
	return NAN;
}
