/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a node does at the command of the cluster's controller.
 */
#ifndef MEDESD_OBEY_H
#define MEDESD_OBEY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The status of a command whose controller has been superseded, and of nothing else. */
#define OBEY_SUPERSEDED 412

struct daemon;
struct obey;

struct obey *obey_new(struct daemon *d);
void obey_free(struct obey *o);
const char *obey_life(const struct obey *o);
const char *obey_controller(const struct obey *o);
int obey_check(struct obey *o, const char *peer, uint64_t epoch, json_t **refusal);
int obey_command(struct obey *o, const char *peer, const json_t *body, json_t **answer);

#endif /* MEDESD_OBEY_H */
