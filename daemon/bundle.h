/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OCI bundles: a directory with config.json and a root file system.
 */
#ifndef MEDESD_BUNDLE_H
#define MEDESD_BUNDLE_H

#include "control.h"
#include "subids.h"

/* What becomes different for one sandbox. */
struct bundle_order {
	const char *name;		/* of the sandbox, and its host's */
	const char *cgroup;		/* from the root of the hierarchy */
	unsigned int port;
	const json_t *command;		/* NULL: the bundle's */
	const json_t *env;		/* NULL: nothing but the bundle's */
	struct subids uids, gids;	/* for bundles without a user namespace */
};

/* The configuration, a new reference; NULL: it is no bundle that can serve, error says why. */
json_t *bundle_read(const char *directory, const json_t *command, char error[CONTROL_ERROR]);

/* Make a bundle's configuration that of one sandbox. 0 or -EINVAL, and error says why. */
int bundle_fit(json_t *config, const struct bundle_order *order, char error[CONTROL_ERROR]);

#endif /* MEDESD_BUNDLE_H */
