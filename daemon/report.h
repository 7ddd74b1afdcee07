/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a node tells the cluster's controller about itself.
 */
#ifndef MEDESD_REPORT_H
#define MEDESD_REPORT_H

#include <jansson.h>
#include "daemon.h"

json_t *report_json(struct daemon *d);

#endif /* MEDESD_REPORT_H */
