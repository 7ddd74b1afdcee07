// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One call serves text and JSON, so both always say the same.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "json.h"
#include "print.h"
#include "text.h"

#define CELL 256
#define COLUMNS_MAX 16
#define BAR 40

static json_t *value_at(json_t *value, const char *path)
{
	char key[64];
	size_t len;

	for (; value && *path; path += len + (path[len] == '.')) {
		len = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		value = json_object_get(value, key);
	}
	return value;
}

static void list_cell(char cell[CELL], json_t *array)
{
	size_t len = 0, i;
	json_t *item;

	cell[0] = '\0';
	json_array_foreach(array, i, item) {
		if (json_is_object(item))	/* a process */
			item = json_object_get(item, "pid");
		if (len > CELL - 32) {
			snprintf(cell + len, CELL - len, " ...");
			return;
		}
		if (json_is_integer(item))
			len += snprintf(cell + len, CELL - len, "%s%" JSON_INTEGER_FORMAT,
					i ? " " : "", json_integer_value(item));
		else
			len += snprintf(cell + len, CELL - len, "%s%.24s", i ? " " : "",
					json_string_value(item));
	}
}

static void fill_cell(char cell[CELL], json_t *value, enum format format)
{
	uint64_t n = json_number_value(value);

	if (!value || json_is_null(value)) {
		strcpy(cell, "-");
		return;
	}
	switch (format) {
	case TEXT:
		snprintf(cell, CELL, "%s", json_is_string(value) ? json_string_value(value) :
			 json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "?");
		medes_text_clean(cell);
		break;
	case COUNT:
		snprintf(cell, CELL, "%" PRIu64, n);
		break;
	case BYTES:
		medes_text_bytes(cell, n);
		break;
	case PERCENT:
		snprintf(cell, CELL, "%.1f %%", json_number_value(value));
		break;
	case SPAN_NS:
		medes_text_duration(cell, n);
		break;
	case SPAN_MS:
		medes_text_duration(cell, n * 1000000);
		break;
	case LIST:
		list_cell(cell, value);
		break;
	}
}

static bool to_the_right(enum format format)
{
	return format != TEXT && format != LIST;
}

static void print_cell(const char *text, int width, bool right, bool last)
{
	if (right)
		printf("%*s", width, text);
	else if (last)
		printf("%s", text);
	else
		printf("%-*s", width, text);
	fputs(last ? "\n" : "  ", stdout);
}

/* 0 prints the titles, i the row i - 1. */
static void table_cell(char cell[CELL], json_t *rows, size_t i, const struct column *c)
{
	if (i)
		fill_cell(cell, value_at(json_array_get(rows, i - 1), c->path), c->format);
	else
		snprintf(cell, CELL, "%s", c->title);
}

static void print_table(json_t *rows, const struct column *columns)
{
	int width[COLUMNS_MAX] = { 0 }, len;
	size_t n, i, k;
	char cell[CELL];

	for (n = 0; columns[n].title; n++)
		for (i = 0; i <= json_array_size(rows); i++) {
			table_cell(cell, rows, i, &columns[n]);
			len = strlen(cell);
			if (len > width[n])
				width[n] = len;
		}
	for (i = 0; i <= json_array_size(rows); i++)
		for (k = 0; k < n; k++) {
			table_cell(cell, rows, i, &columns[k]);
			print_cell(cell, width[k], to_the_right(columns[k].format), k + 1 == n);
		}
}

static void print_record(json_t *value, const struct column *columns)
{
	char cell[CELL];

	for (; columns->title; columns++) {
		fill_cell(cell, value_at(value, columns->path), columns->format);
		printf("%-24s %s\n", columns->title, cell);
	}
}

static void print_json(json_t *value)
{
	json_dumpf(value, stdout, MEDES_JSON_FLAGS);
	putchar('\n');
	fflush(stdout);
}

/**
 * print() - print a command's result
 * @args: tells whether as JSON
 * @value: the result, whose reference is taken; NULL: there was no memory for it
 * @view: how people see it
 *
 * Return: DONE, or FAILED without a value.
 */
enum exit_code print(const struct args *args, json_t *value, const struct view *view)
{
	json_t *rows;

	if (!value) {
		complain("no memory for the result");
		return FAILED;
	}
	rows = view->list ? json_object_get(value, view->list) : NULL;
	if (args->json)
		print_json(value);
	else if (!view->list)
		print_record(value, view->columns);
	else if (json_array_size(rows))
		print_table(rows, view->columns);
	else
		puts(view->nothing);
	json_decref(value);
	return DONE;
}

/**
 * print_line() - print something that is one sentence for people
 * @args: tells whether as JSON
 * @value: the JSON form, whose reference is taken
 * @format: the sentence
 */
void print_line(const struct args *args, json_t *value, const char *format, ...)
{
	va_list list;

	if (args->json) {
		print_json(value);
	} else {
		va_start(list, format);
		vprintf(format, list);
		va_end(list);
		putchar('\n');
		fflush(stdout);
	}
	json_decref(value);
}

void progress_show(const char *what, uint64_t done, uint64_t total)
{
	unsigned int filled;

	if (!isatty(STDERR_FILENO))
		return;
	if (!total) {
		fprintf(stderr, "\r\033[K%s", what);
		return;
	}
	if (done > total)
		done = total;
	filled = done * BAR / total;
	fprintf(stderr, "\r\033[K%-10s [%.*s%*s] %3u %%  %" PRIu64 "/%" PRIu64 " pages", what,
		(int)filled, "########################################", (int)(BAR - filled), "",
		(unsigned int)(done * 100 / total), done, total);
}

void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
