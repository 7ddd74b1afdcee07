/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was measured, as JSON: one object a sample, in the order of time. Medians
 * and the like are made of it by figures.py.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <jansson.h>
#include "util.h"

/* A sample of something done one way to some pages; returns it for further keys. */
json_t *sample(const char *what, const char *way, size_t pages, struct span took);
void sample_set(json_t *sample, const char *key, double value);
void sample_text(json_t *sample, const char *key, const char *value);
/* Keys that all samples from now on get. */
void samples_round(const char *image, unsigned int round);
void samples_print(void);

#endif /* BENCH_SAMPLES_H */
