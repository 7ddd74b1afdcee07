/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON form of the protocol's objects: what medesd answers and what
 * medesctl -j prints. Documented in Documentation/api.rst.
 */
#ifndef MEDES_JSON_H
#define MEDES_JSON_H

#include <jansson.h>
#include "medes.h"

/* How every program of ours writes JSON. */
#define MEDES_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(8))

/* All return a new reference, or NULL for lack of memory. */
json_t *medes_json_text(const char *text);
json_t *medes_json_id(uint64_t id);
json_t *medes_json_stats(const struct medes_stats *stats);
json_t *medes_json_features(const struct medes_features *features);
json_t *medes_json_totals(const struct medes_features *features);
json_t *medes_json_sandbox(const struct medes_sandbox *sandbox);
json_t *medes_json_base(const struct medes_base *base);
json_t *medes_json_op(const struct medes_op *op);
json_t *medes_json_record(const struct medes_record *record);
json_t *medes_json_loss(const struct medes_loss *loss);

#endif /* MEDES_JSON_H */
