/* SPDX-License-Identifier: GPL-2.0 */
/* What is kept of a page, for people who look for what is wrong. */
#ifndef MEDES_INSPECT_H
#define MEDES_INSPECT_H

#include <linux/mm_types.h>
#include <uapi/linux/medes.h>

/**
 * struct medes_found - where the page of an address is
 * @place: the rest is only valid for MEDES_PLACE_RECORD
 * @encoding: enum medes_encoding
 * @len: encoded bytes
 * @base: id, 0 for none
 * @index: of the base page
 * @lost: it was found not to give the page back
 */
struct medes_found {
	enum medes_place place;
	u8 encoding;
	u16 len;
	u64 base;
	u32 index;
	bool lost;
};

int medes_inspect(struct mm_struct *mm, unsigned long address,
		  struct medes_found *found);

#endif /* MEDES_INSPECT_H */
