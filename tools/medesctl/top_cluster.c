// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl top --cluster: the nodes by memory and sandboxes, as the cluster's controller sees
 * them. Any node's medesd can be asked.
 */
#include <stdio.h>
#include <unistd.h>
#include "client.h"
#include "top.h"

#define TOP_OF_SCREEN "\033[H\033[J"

static const struct view view = {
	.list = "nodes",
	.nothing = "no node",
	.columns = (const struct column[]) {
		{ "NODE", "node", TEXT },
		{ "STATE", "state", TEXT },
		{ "AVAILABLE", "memory.available", BYTES },
		{ "STALLED", "memory.stalled", PERCENT },
		{ "USED", "memory.used", BYTES },
		{ "RESERVE", "memory.reserve", BYTES },
		{ "STARTING", "sandboxes.starting", COUNT },
		{ "RUNNING", "sandboxes.running", COUNT },
		{ "IDLE", "sandboxes.idle", COUNT },
		{ "DEDUP", "sandboxes.dedup", COUNT },
		{ "BASES", "bases", COUNT },
		{ "IMPORTS", "imports", COUNT },
		{ "REQUESTS", "requests", COUNT },
		{ "DRAINING", "draining", TEXT },
		{ "WHY", "error", TEXT },
		{ NULL, NULL, TEXT },
	},
};

static json_int_t number(json_t *overview, const char *of, const char *key)
{
	json_t *object = of ? json_object_get(overview, of) : overview;

	return json_integer_value(json_object_get(object, key));
}

static void head(json_t *overview)
{
	printf("controller %s, epoch %lld; requests: %lld under way, %lld answered, %lld moved, %lld failed\n\n",
	       json_string_value(json_object_get(overview, "controller")),
	       number(overview, NULL, "epoch"),
	       number(overview, "requests", "under_way"), number(overview, "requests", "passed"),
	       number(overview, "requests", "moved"), number(overview, "requests", "failed"));
}

static enum exit_code show(const struct args *args)
{
	json_t *overview = client_call(args, "GET", NULL, "/v1/controller");

	if (!overview)
		return FAILED;
	if (!args->json)
		head(overview);
	return print(args, overview, &view);
}

/* A controller that changes is waited for, unless the output is for a program. */
enum exit_code top_cluster(const struct args *args)
{
	if (args->json || !isatty(STDOUT_FILENO))
		return show(args);
	interrupt_catch();
	while (!interrupted()) {
		fputs(TOP_OF_SCREEN, stdout);
		show(args);
		fflush(stdout);
		sleep(1);
	}
	return DONE;
}
