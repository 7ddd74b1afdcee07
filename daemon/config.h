/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * medesd.conf.
 */
#ifndef MEDESD_CONFIG_H
#define MEDESD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct config {
	/* [Daemon] */
	char socket[108];		/* as long as a unix socket's path may be */
	unsigned int log_level;		/* LOG_ERR..LOG_DEBUG */
	/* [Http] */
	unsigned int max_body;		/* bytes */
	unsigned int max_header;	/* bytes */
	unsigned int timeout;		/* ms */
	/* [Registry] */
	unsigned int pages_per_hash;
	/* [Dedup] */
	bool freeze;
	unsigned int freeze_timeout;	/* ms */
	unsigned int jobs;		/* at once */
	unsigned int ops_in_flight;	/* of a job */
	unsigned int huge_pages_min;
	/* [Base] */
	unsigned int strong_share;	/* sketch hashes */
	unsigned int witnesses;		/* sandboxes of the same function, looked at */
};

void config_default(struct config *config);
int config_load(struct config *config, const char *path, char *error, size_t size);

#endif /* MEDESD_CONFIG_H */
