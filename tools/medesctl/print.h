/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output: every command makes a JSON value and says how people want to see it.
 */
#ifndef MEDESCTL_PRINT_H
#define MEDESCTL_PRINT_H

#include <jansson.h>
#include "ctl.h"

enum format { TEXT, COUNT, BYTES, PERCENT, SPAN_NS, SPAN_MS, LIST };

struct column {
	const char *title;
	const char *path;		/* keys, joined by dots */
	enum format format;
};

struct view {
	const char *list;		/* key of the array to show as a table; NULL: one record */
	const char *nothing;		/* said instead of an empty table */
	const struct column *columns;	/* ended by one without a title */
};

enum exit_code print(const struct args *args, json_t *value, const struct view *view);
void print_line(const struct args *args, json_t *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A bar on stderr, when that is a terminal. done may be above total. */
void progress_show(const char *what, uint64_t done, uint64_t total);
void progress_end(void);

#endif /* MEDESCTL_PRINT_H */
