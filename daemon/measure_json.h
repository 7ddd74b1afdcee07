/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was measured of a function, between nodes.
 */
#ifndef MEDESD_MEASURE_JSON_H
#define MEDESD_MEASURE_JSON_H

#include <jansson.h>
#include "measure.h"

json_t *measure_json(struct measure *m, uint64_t now);
int measure_add(struct measure *sum, const json_t *part, uint64_t now);

#endif /* MEDESD_MEASURE_JSON_H */
