/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cluster's controller can have a node do.
 */
#ifndef MEDESD_ACTS_H
#define MEDESD_ACTS_H

#include <jansson.h>
#include "daemon.h"

#define ACT_ERROR 400

int act_do(struct daemon *d, const json_t *act, json_t *result, char error[ACT_ERROR]);

#endif /* MEDESD_ACTS_H */
