/* SPDX-License-Identifier: GPL-2.0 */
/* Histograms: how long touches take, how long records are. */
#ifndef MEDES_HIST_H
#define MEDES_HIST_H

#include <linux/percpu-defs.h>
#include <uapi/linux/medes.h>
#include "codec.h"

#define MEDES_HIST_ENCODINGS (MEDES_ENCODING_MAX + 1)

/* Times: bucket i holds what is below 2^i us, the last all that is longer. */
#define MEDES_HIST_TIMES 20

/* Lengths: bucket i holds what is below 128 * (i + 1) bytes. */
#define MEDES_HIST_STEP 128
#define MEDES_HIST_LENGTHS (MEDES_PATCH_MAX / MEDES_HIST_STEP + 1)

struct medes_hist {
	u64 fault[MEDES_HIST_ENCODINGS][MEDES_HIST_TIMES];
	u64 read[MEDES_HIST_TIMES];
	s64 record[MEDES_HIST_ENCODINGS][MEDES_HIST_LENGTHS];
};

int medes_hist_init(void);
void medes_hist_exit(void);
void medes_hist_fault(u8 encoding, u64 ns);
void medes_hist_read(u64 ns);
void medes_hist_record(u8 encoding, unsigned int len, int sign);
void medes_hist_sum(struct medes_hist *sum);

#endif /* MEDES_HIST_H */
