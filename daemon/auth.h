/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tokens, and the domains that they belong to.
 */
#ifndef MEDESD_AUTH_H
#define MEDESD_AUTH_H

#include <stddef.h>
#include "medes.h"

#define AUTH_ADMINISTRATOR "*"

struct auth;

/* A file of lines "TOKEN DOMAIN"; NULL: error says file, line and reason. */
struct auth *auth_load(const char *path, char *error, size_t size);
void auth_free(struct auth *auth);

/* The domain of a token, "*" for administrators; NULL: nobody's. */
const char *auth_domain(const struct auth *auth, const char *token);

#endif /* MEDESD_AUTH_H */
