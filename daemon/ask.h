/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to other nodes.
 */
#ifndef MEDESD_ASK_H
#define MEDESD_ASK_H

#include <event2/http.h>
#include <jansson.h>
#include "daemon.h"

struct ask;
struct node;

/*
 * status is HTTP's, or 0 when there was no answer and error says why; answer is an object or
 * NULL, error its "error" if it has one. Called once, from the loop.
 */
typedef void (*ask_fn)(int status, json_t *answer, const char *error, void *arg);

struct ask *ask_node(struct daemon *d, const struct node *node, enum evhttp_cmd_type method,
		     const char *path, json_t *body, unsigned int timeout_ms, ask_fn fn, void *arg);
void ask_cancel(struct ask *ask);

#endif /* MEDESD_ASK_H */
