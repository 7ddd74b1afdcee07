// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl top: the sandboxes that keep most away, and what happens to them, each
 * second anew until Ctrl-C. Once only when the output is no terminal, or JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "json.h"
#include "link.h"
#include "print.h"
#include "text.h"

#define TOP_OF_SCREEN "\033[H\033[J"
#define SANDBOXES_MAX 40		/* on a screen */

/* What is shown as a rate. */
static const struct {
	const char *key;
	unsigned int stat;
} rates[] = {
	{ "faults_per_s", MEDES_A_STATS_FAULTS },
	{ "restored_per_s", MEDES_A_STATS_RESTORED },
	{ "stored_per_s", MEDES_A_STATS_STORED },
};

static const struct view view = {
	.list = "sandboxes",
	.nothing = "no sandbox",
	.columns = (const struct column[]) {
		{ "NAME", "name", TEXT },
		{ "STATE", "state", TEXT },
		{ "AWAY", "original_bytes", BYTES },
		{ "KEPT", "kept_bytes", BYTES },
		{ "SAVED", "saved_percent", PERCENT },
		{ "SET", "stats.working_set", COUNT },
		{ "LOST", "stats.pages_lost", COUNT },
		{ "FAULTS/S", "faults_per_s", COUNT },
		{ "RESTORED/S", "restored_per_s", COUNT },
		{ "STORED/S", "stored_per_s", COUNT },
		{ NULL, NULL, TEXT },
	},
};

static const struct medes_sandbox *find(const struct medes_sandboxes *list, uint32_t id)
{
	size_t i;

	for (i = 0; list && i < list->n; i++)
		if (list->v[i].id == id)
			return &list->v[i];
	return NULL;
}

/* One line; the rates only when it is known what was before. */
static json_t *line(const struct medes_sandbox *now, const struct medes_sandbox *before,
		    double seconds)
{
	json_t *object = medes_json_sandbox(now);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		uint64_t n = before ? now->stats.v[rates[i].stat] - before->stats.v[rates[i].stat] : 0;

		json_object_set_new(object, rates[i].key,
				    before ? json_integer((json_int_t)(n / seconds + 0.5)) : json_null());
	}
	return object;
}

static int by_pages(const void *one, const void *other)
{
	uint64_t a = medes_stats_pages(&((const struct medes_sandbox *)one)->stats);
	uint64_t b = medes_stats_pages(&((const struct medes_sandbox *)other)->stats);

	return a < b ? 1 : -(a > b);
}

static json_t *table(struct medes_sandboxes *now, const struct medes_sandboxes *before,
		     double seconds, size_t max)
{
	json_t *array = json_array();
	size_t i;

	if (now->n)
		qsort(now->v, now->n, sizeof(now->v[0]), by_pages);
	for (i = 0; i < now->n && i < max; i++)
		json_array_append_new(array, line(&now->v[i], find(before, now->v[i].id), seconds));
	return json_pack("{s:o}", "sandboxes", array);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* What the whole module keeps, above the table. */
static int head(struct medes_nl *nl)
{
	char away[MEDES_TEXT_SIZE], records[MEDES_TEXT_SIZE], bases[MEDES_TEXT_SIZE];
	struct medes_features f;
	int err = medes_features_get(nl, &f);

	if (err)
		return err;
	medes_text_bytes(away, medes_stats_pages(&f.stats) * f.page_size);
	medes_text_bytes(records, f.stats.v[MEDES_A_STATS_RECORD_BYTES]);
	medes_text_bytes(bases, f.stats.v[MEDES_A_STATS_BASE_BYTES]);
	printf(TOP_OF_SCREEN "away %s, in records %s, bases %s\n\n", away, records, bases);
	return 0;
}

static enum exit_code live(const struct args *args, struct medes_nl *nl)
{
	struct medes_sandboxes now, before = { 0 };
	double at, last = 0;

	interrupt_catch();
	while (!interrupted()) {
		at = seconds_now();
		if (head(nl) || medes_sandbox_list(nl, &now)) {
			complain("%s", nl->error);
			medes_sandboxes_clear(&before);
			return FAILED;
		}
		print(args, table(&now, &before, at - last, SANDBOXES_MAX), &view);
		fflush(stdout);
		medes_sandboxes_clear(&before);
		before = now;
		last = at;
		sleep(1);
	}
	medes_sandboxes_clear(&before);
	return DONE;
}

static enum exit_code top(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_sandboxes now;

	(void)names, (void)n;
	if (!nl)
		return FAILED;
	if (!args->json && isatty(STDOUT_FILENO)) {
		code = live(args, nl);
	} else if (medes_sandbox_list(nl, &now)) {
		complain("%s", nl->error);
	} else {
		code = print(args, table(&now, NULL, 0, SIZE_MAX), &view);
		medes_sandboxes_clear(&now);
	}
	link_close(nl);
	return code;
}

const struct command top_commands[] = {
	{
		"top", NULL, "", "sandboxes by what they keep away, each second until Ctrl-C",
		0, 0, 0, 0, top,
	},
	{ .object = NULL },
};
