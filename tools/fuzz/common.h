/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share: a codec that is set up, and pages made of their input.
 */
#ifndef MEDES_FUZZ_COMMON_H
#define MEDES_FUZZ_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include "codec.h"

extern struct medes_workspace *ws;
extern struct medes_scratch *scratch;

/* What libFuzzer calls, once and for each input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A page of which the records in the seeds are true; the same each time. */
const void *the_base(void);

/* An exact copy that the sanitizer watches the end of; to be freed. */
void *copy(const void *data, size_t size);

#define EXPECT(what) do { if (!(what)) __builtin_trap(); } while (0)

#endif /* MEDES_FUZZ_COMMON_H */
