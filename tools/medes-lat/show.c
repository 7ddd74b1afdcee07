// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Histograms as text and as JSON.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proc.h"
#include "show.h"
#include "text.h"

#define BAR 40
#define TOP "/sys/kernel/medes/sandboxes/"

static const char *place_name(unsigned int place)
{
	static const char *const names[] = { "none", "local", "remote" };

	return place < ARRAY_SIZE(names) ? names[place] : "?";
}

static int by_key(const void *left, const void *right)
{
	const struct lat_key *a = &((const struct lat_entry *)left)->key;
	const struct lat_key *b = &((const struct lat_entry *)right)->key;

	if (a->sandbox != b->sandbox)
		return a->sandbox < b->sandbox ? -1 : 1;
	if (a->encoding != b->encoding)
		return a->encoding < b->encoding ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

/* Its name, "" when it is gone. */
static void sandbox_name(unsigned int id, char name[MEDES_NAME_SIZE])
{
	char path[64];

	snprintf(path, sizeof(path), TOP "%u/name", id);
	if (medes_file_read(path, name, MEDES_NAME_SIZE) < 0)
		*name = '\0';
	name[strcspn(name, "\n")] = '\0';
	medes_text_clean(name);
}

static json_t *slots(const struct lat_hist *hist)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < LAT_SLOTS; i++)
		if (hist->slot[i])
			json_array_append_new(list, json_pack("{s:I, s:I, s:I}",
				"from_ns", (json_int_t)(i ? 1ULL << i : 0),
				"to_ns", (json_int_t)((2ULL << i) - 1),
				"faults", (json_int_t)hist->slot[i]));
	return list;
}

static json_t *entry_json(const struct lat_entry *entry)
{
	const struct lat_hist *hist = &entry->hist;
	char name[MEDES_NAME_SIZE];

	sandbox_name(entry->key.sandbox, name);
	return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}",
			 "sandbox", (json_int_t)entry->key.sandbox, "name", name,
			 "encoding", medes_encoding_name(entry->key.encoding),
			 "base", place_name(entry->key.place),
			 "faults", (json_int_t)hist->faults, "pages", (json_int_t)hist->pages,
			 "failed", (json_int_t)hist->failed, "ns", (json_int_t)hist->ns,
			 "histogram", slots(hist));
}

static void show_json(const struct lat_entry *entries, size_t n, unsigned long long dropped)
{
	json_t *list = json_array(), *all;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, entry_json(&entries[i]));
	all = json_pack("{s:o, s:I}", "latencies", list, "dropped", (json_int_t)dropped);
	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(all);
}

static void bar(unsigned long long value, unsigned long long most)
{
	unsigned int len = value * BAR / most;

	printf("|%.*s%*s|\n", (int)len, "****************************************",
	       (int)(BAR - len), "");
}

static void show_entry(const struct lat_entry *entry)
{
	const struct lat_hist *hist = &entry->hist;
	unsigned int first = LAT_SLOTS, last = 0;
	unsigned long long most = 1;
	char name[MEDES_NAME_SIZE], mean[MEDES_TEXT_SIZE];

	sandbox_name(entry->key.sandbox, name);
	printf("\nsandbox %u%s%s, %s, base %s: %llu faults brought %llu pages, mean %s",
	       entry->key.sandbox, *name ? " " : "", name,
	       medes_encoding_name(entry->key.encoding), place_name(entry->key.place),
	       hist->faults, hist->pages,
	       medes_text_duration(mean, hist->faults ? hist->ns / hist->faults : 0));
	if (hist->failed)
		printf(", %llu brought nothing", hist->failed);
	printf("\n%12s    %-12s : %-8s\n", "ns", "", "faults");
	for (unsigned int i = 0; i < LAT_SLOTS; i++) {
		if (!hist->slot[i])
			continue;
		first = i < first ? i : first;
		last = i;
		most = hist->slot[i] > most ? hist->slot[i] : most;
	}
	for (unsigned int i = first; i <= last; i++) {
		printf("%12llu -> %-12llu : %-8llu ", i ? 1ULL << i : 0, (2ULL << i) - 1,
		       hist->slot[i]);
		bar(hist->slot[i], most);
	}
}

void show(struct lat_entry *entries, size_t n, unsigned long long dropped, bool json)
{
	qsort(entries, n, sizeof(*entries), by_key);
	if (json) {
		show_json(entries, n, dropped);
		return;
	}
	if (!n)
		puts("no fault on a deduplicated page");
	for (size_t i = 0; i < n; i++)
		show_entry(&entries[i]);
	if (dropped)
		printf("\n%llu faults are not shown: more than %u histograms\n", dropped, LAT_KEYS);
}
