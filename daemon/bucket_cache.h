/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buckets of the cluster's registry that were read lately.
 */
#ifndef MEDESD_BUCKET_CACHE_H
#define MEDESD_BUCKET_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bucket_cache;

struct bucket_cache *bucket_cache_new(size_t max_bytes, uint64_t life);
void bucket_cache_free(struct bucket_cache *c);
bool bucket_cache_get(struct bucket_cache *c, uint64_t id, uint64_t now,
		      const unsigned char **bytes, size_t *len);
void bucket_cache_ahead(const struct bucket_cache *c, uint64_t id);
void bucket_cache_put(struct bucket_cache *c, uint64_t id, uint64_t now, const void *bytes,
		      size_t len);
void bucket_cache_drop(struct bucket_cache *c, uint64_t id);
void bucket_cache_clear(struct bucket_cache *c);
size_t bucket_cache_bytes(const struct bucket_cache *c);

#endif /* MEDESD_BUCKET_CACHE_H */
