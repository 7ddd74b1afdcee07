// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl cluster init, cluster certificate: what the nodes of a cluster know each other by.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "pki.h"
#include "print.h"
#include "text.h"

static bool is_name(const char *name)
{
	if (medes_name_valid(name) && strcmp(name, "ca") && strcmp(name, "cluster"))
		return true;
	complain("\"%s\" cannot be the name: want 1 to %u letters, digits and ._:@+-, neither \"ca\" nor \"cluster\"",
		 name, MEDES_NAME_MAX);
	return false;
}

static enum exit_code init(const struct args *args, const char *const *names, size_t n)
{
	const char *directory = args->dir ? args->dir : PKI_DIRECTORY;
	enum exit_code code;

	(void)n;
	if (!is_name(names[0]))
		return USAGE;
	code = pki_init(directory, names[0]);
	if (code == DONE)
		print_line(args, json_pack("{s:s,s:s}", "cluster", names[0], "directory", directory),
			   "authority and key of the cluster %s are in %s; next: medesctl cluster certificate NODE",
			   names[0], directory);
	return code;
}

static enum exit_code certificate(const struct args *args, const char *const *names, size_t n)
{
	const char *directory = args->dir ? args->dir : PKI_DIRECTORY;
	unsigned long days = PKI_DAYS;
	enum exit_code code;
	char *end;

	(void)n;
	if (!is_name(names[0]))
		return USAGE;
	if (args->days) {
		errno = 0;
		days = strtoul(args->days, &end, 10);
		if (*args->days < '0' || *args->days > '9' || *end || errno || !days || days > 3650) {
			complain("--days: want a number of days, 1 to 3650, not \"%s\"", args->days);
			return USAGE;
		}
	}
	code = pki_certificate(directory, names[0], days);
	if (code == DONE)
		print_line(args, json_pack("{s:s,s:s}", "node", names[0], "directory", directory),
			   "%s/%s.pem and .key are made; node %s needs them, ca.pem and cluster.key, but never ca.key",
			   directory, names[0], names[0]);
	return code;
}

const struct command certificate_commands[] = {
	{
		"cluster", "init", "NAME [--dir DIRECTORY]",
		"make a cluster's authority and key, in " PKI_DIRECTORY " unless said otherwise",
		OPT_DIR, 0, 1, 1, init,
	},
	{
		"cluster", "certificate", "NODE [--dir DIRECTORY] [--days N]",
		"make the key and certificate of a node, which hold two years unless said otherwise",
		OPT_DIR | OPT_DAYS, 0, 1, 1, certificate,
	},
	{ .object = NULL },
};
