/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings of medesctl diagnose.
 */
#ifndef MEDESCTL_DIAGNOSE_H
#define MEDESCTL_DIAGNOSE_H

#include <jansson.h>
#include "ctl.h"
#include "nl.h"

enum severity { NOTE, WARNING, PROBLEM };

/* What is so, why that matters, what to do about it. */
void finding(json_t *findings, enum severity severity, const char *subject, const char *why,
	     const char *todo, const char *what, ...) __attribute__((format(printf, 6, 7)));

/* Findings about the machine; nl is NULL when the module is not there. */
void diagnose_host(json_t *findings, const struct args *args, struct medes_nl *nl);
void diagnose_module(json_t *findings, const struct medes_features *features);

/* About a sandbox. */
void diagnose_sandbox(json_t *findings, const struct medes_sandbox *sandbox,
		      const struct medes_sandboxes *all, const struct medes_bases *bases);

#endif /* MEDESCTL_DIAGNOSE_H */
