/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers with units, as people write them.
 */
#ifndef MEDESD_UNITS_H
#define MEDESD_UNITS_H

#include <stdbool.h>

struct unit {
	const char *suffix;		/* NULL ends a list; empty: none is written */
	double factor;
};

extern const struct unit units_none[], units_bytes[], units_mebibytes[], units_seconds[],
	units_milliseconds[];

/* NAN: no number, or none of these units behind it. whole: no fraction before the unit. */
double units_parse(const char *text, const struct unit *units, bool whole);

#endif /* MEDESD_UNITS_H */
