// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl diagnose: why a machine or a sandbox does not save what it should.
 *
 * Each finding says what is so, why it matters and what to do. It looks with the
 * user's own eyes (/proc, /sys, netlink), so that it works when nothing else does.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "diagnose.h"
#include "json.h"
#include "link.h"
#include "print.h"

static const char *const severities[] = {
	[NOTE] = "note", [WARNING] = "warning", [PROBLEM] = "problem",
};

/**
 * finding() - add a finding
 * @findings: the array
 * @severity: how bad
 * @subject: what it is about
 * @why: why it matters
 * @todo: what to do
 * @what: what is so, a format
 */
void finding(json_t *findings, enum severity severity, const char *subject, const char *why,
	     const char *todo, const char *what, ...)
{
	char text[512];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	json_array_append_new(findings,
			      json_pack("{s:s,s:o,s:o,s:s,s:s}", "severity", severities[severity],
					"subject", medes_json_text(subject),
					"what", medes_json_text(text), "why", why, "todo", todo));
}

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void print_findings(json_t *findings)
{
	json_t *item;
	size_t i;

	json_array_foreach(findings, i, item)
		printf("%s: %s: %s\n  why: %s\n  do:  %s\n", text_of(item, "severity"),
		       text_of(item, "subject"), text_of(item, "what"), text_of(item, "why"),
		       text_of(item, "todo"));
	if (!i)
		puts("nothing found that keeps pages from being deduplicated");
}

/* The sandboxes, or the one that is named. */
static int sandboxes(json_t *findings, struct medes_nl *nl, const char *name)
{
	struct medes_sandboxes all = { 0 };
	struct medes_bases bases = { 0 };
	bool found = !name;
	size_t i;

	if (medes_sandbox_list(nl, &all) || medes_base_list(nl, &bases)) {
		complain("%s", nl->error);
		found = false;
		goto out;
	}
	for (i = 0; i < all.n; i++) {
		if (name && strcmp(name, all.v[i].name))
			continue;
		found = true;
		diagnose_sandbox(findings, &all.v[i], &all, &bases);
	}
	if (!found)
		complain("no sandbox has the name \"%s\"", name);
out:
	medes_sandboxes_clear(&all);
	medes_bases_clear(&bases);
	return found ? 0 : -1;
}

static enum exit_code diagnose(const struct args *args, const char *const *names, size_t n)
{
	static struct medes_nl nl;
	json_t *findings = json_array();
	bool present = !medes_nl_open(&nl);
	struct medes_features features;
	int err = 0;

	diagnose_host(findings, args, present ? &nl : NULL);
	if (present && medes_features_get(&nl, &features)) {
		finding(findings, PROBLEM, "module", "nothing can be asked of the module",
			"run as root, in the initial user, pid and network namespaces",
			"it refuses: %s", nl.error);
	} else if (present) {
		diagnose_module(findings, &features);
		err = sandboxes(findings, &nl, n ? names[0] : NULL);
	}
	medes_nl_close(&nl);
	if (!err && args->json)
		print_line(args, json_pack("{s:O}", "findings", findings), "%s", "");
	else if (!err)
		print_findings(findings);
	json_decref(findings);
	return err ? FAILED : DONE;
}

const struct command diagnose_commands[] = {
	{
		"diagnose", NULL, "[NAME]",
		"why the machine, or a sandbox, does not save what it should",
		0, 0, 0, 1, diagnose,
	},
	{ .object = NULL },
};
