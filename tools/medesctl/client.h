/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to medesd.
 */
#ifndef MEDESCTL_CLIENT_H
#define MEDESCTL_CLIENT_H

#include <jansson.h>
#include "ctl.h"

int client_connect(const struct args *args);
json_t *client_call(const struct args *args, const char *method, json_t *body,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
char *client_name(char text[3 * MEDES_NAME_SIZE], const char *name);

/* Follows a job to its end, with a bar; Ctrl-C cancels it. Takes the reference. */
json_t *client_follow(const struct args *args, json_t *job);

#endif /* MEDESCTL_CLIENT_H */
