// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl top: the functions, as far as medesd has any, the sandboxes that keep most
 * away, and what happens to both, each second anew until Ctrl-C. Once only when the output is
 * no terminal, or JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "json.h"
#include "ops.h"
#include "text.h"
#include "top.h"

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

/* What the whole module keeps, above the tables. */
static void head(const struct medes_features *f)
{
	char away[MEDES_TEXT_SIZE], records[MEDES_TEXT_SIZE], bases[MEDES_TEXT_SIZE];

	medes_text_bytes(away, medes_stats_pages(&f->stats) * f->page_size);
	medes_text_bytes(records, f->stats.v[MEDES_A_STATS_RECORD_BYTES]);
	medes_text_bytes(bases, f->stats.v[MEDES_A_STATS_BASE_BYTES]);
	printf("away %s, in records %s, bases %s\n\n", away, records, bases);
}

struct module {
	struct medes_nl *nl;		/* without the module its error says why */
	bool there;
};

/* What was seen at a time. */
struct look {
	double at;
	json_t *functions;		/* NULL: medesd does not answer */
	struct medes_sandboxes sandboxes;
	struct medes_features features;
};

static void look_clear(struct look *look)
{
	json_decref(look->functions);
	medes_sandboxes_clear(&look->sandboxes);
}

/* False: complained of. There may be functions without the module, and a module without them. */
static bool look(const struct args *args, const struct module *module, const struct look *before,
		 struct look *now)
{
	*now = (struct look){ .at = seconds_now() };
	now->functions = top_functions(args, before ? before->functions : NULL,
				       before ? now->at - before->at : 0);
	if (!module->there && now->functions)
		return true;
	if (module->there && !medes_features_get(module->nl, &now->features) &&
	    !medes_sandbox_list(module->nl, &now->sandboxes))
		return true;
	complain("%s", module->nl->error);
	look_clear(now);
	return false;
}

static json_t *result(struct look *now, const struct look *before, size_t max)
{
	json_t *value = table(&now->sandboxes, before ? &before->sandboxes : NULL,
			      before ? now->at - before->at : 0, max);

	json_object_set_new(value, "functions", now->functions ? json_incref(now->functions) :
						json_null());
	return value;
}

static enum exit_code show(const struct args *args, struct look *now, const struct look *before,
			   size_t max)
{
	json_t *value = result(now, before, max);

	if (args->json || !json_array_size(now->functions))
		return print(args, value, &view);
	print(args, json_incref(value), &top_function_view);
	putchar('\n');
	return print(args, value, &view);
}

static enum exit_code live(const struct args *args, const struct module *module)
{
	struct look now, before;
	bool again = false;

	interrupt_catch();
	while (!interrupted()) {
		if (!look(args, module, again ? &before : NULL, &now)) {
			if (again)
				look_clear(&before);
			return FAILED;
		}
		fputs(TOP_OF_SCREEN, stdout);
		if (module->there)
			head(&now.features);
		show(args, &now, again ? &before : NULL, SANDBOXES_MAX);
		fflush(stdout);
		if (again)
			look_clear(&before);
		before = now;
		again = true;
		sleep(1);
	}
	look_clear(&before);
	return DONE;
}

static enum exit_code once(const struct args *args, const struct module *module)
{
	enum exit_code code;
	struct look now;

	if (!look(args, module, NULL, &now))
		return FAILED;
	code = show(args, &now, NULL, SIZE_MAX);
	look_clear(&now);
	return code;
}

static enum exit_code top(const struct args *args, const char *const *names, size_t n)
{
	struct medes_nl nl = { 0 };
	const struct module module = { .nl = &nl, .there = !medes_nl_open(&nl) };
	enum exit_code code;

	(void)names, (void)n;
	if (args->given & OPT_CLUSTER) {
		if (module.there)
			medes_nl_close(&nl);
		return top_cluster(args);
	}
	code = !args->json && isatty(STDOUT_FILENO) ? live(args, &module) : once(args, &module);
	if (module.there)
		medes_nl_close(&nl);
	return code;
}

const struct command top_commands[] = {
	{
		"top", NULL, "[--cluster]",
		"functions, and sandboxes by what they keep away, each second until Ctrl-C; --cluster: the nodes, as their controller sees them",
		OPT_CLUSTER, 0, 0, 0, top,
	},
	{ .object = NULL },
};
