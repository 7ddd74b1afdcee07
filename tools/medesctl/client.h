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

/* An answer as it came; text is to be freed. */
struct client_answer {
	char *text;			/* all of it */
	unsigned int status;		/* of HTTP */
	const char *body;
	size_t len;			/* of body */
};

struct client_request {
	const char *method;
	const char *path;
	const char *type;		/* of the body */
	const char *body;
	size_t len;
};

/* 0, or a negative errno: -ECONNRESET when medesd went away meanwhile. */
int client_exchange(const struct args *args, const struct client_request *request,
		    struct client_answer *answer);
bool client_header(const struct client_answer *answer, const char *name, char *value, size_t size);
/* medesd's own refusal: complained of. */
bool client_refused(const struct client_answer *answer);
void client_complain(const struct args *args, int err);

char *client_name(char text[3 * MEDES_NAME_SIZE], const char *name);

/* Follows a job to its end, with a bar; Ctrl-C cancels it. Takes the reference. */
json_t *client_follow(const struct args *args, json_t *job);

#endif /* MEDESCTL_CLIENT_H */
