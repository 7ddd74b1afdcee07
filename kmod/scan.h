/* SPDX-License-Identifier: GPL-2.0 */
/* Scan: hashes and fingerprints of the pages that could be deduplicated. */
#ifndef MEDES_SCAN_H
#define MEDES_SCAN_H

#include <linux/types.h>
#include "fingerprint.h"

struct medes_sandbox;
struct medes_view;

/* One page that a scan found. */
struct medes_scanned {
	u32 mm;
	unsigned long address;
	u64 hash;
	u64 sketch[MEDES_SKETCH];
	bool huge;
};

/**
 * struct medes_scan - a scan under way: a cursor over a sandbox's memory
 * @sandbox: holds a reference
 * @mm: id of the address space at hand
 * @address: where the next window begins
 * @view: pages of the window at hand, referenced
 * @page: next of them
 */
struct medes_scan {
	struct medes_sandbox *sandbox;
	u32 mm;
	unsigned long address;
	struct medes_view *view;
	unsigned int page;
};

struct medes_scan *medes_scan_begin(struct medes_sandbox *sandbox);
int medes_scan_next(struct medes_scan *scan, struct medes_scanned *found);
void medes_scan_again(struct medes_scan *scan);
void medes_scan_end(struct medes_scan *scan);

#endif /* MEDES_SCAN_H */
