/* SPDX-License-Identifier: GPL-2.0 */
/* A record: all that is kept of a deduplicated page. */
#ifndef MEDES_RECORD_H
#define MEDES_RECORD_H

#include <linux/types.h>
#include <uapi/linux/medes.h>

struct medes_account;
struct medes_coded;
struct medes_extent;

/**
 * struct medes_record - what gives a page back
 * @checksum: xxHash64 of the page, seeded by the account's domain
 * @handle: of the encoded bytes in zsmalloc, 0 when there are none
 * @extent: of the base page, NULL when there is none; counted as a user
 * @account: whose page it is; holds a reference
 * @slot: of the base page in @extent
 * @len: encoded bytes
 * @encoding: enum medes_encoding
 * @reach: pages of @extent that it needs, 1 << MEDES_ITSELF for @slot and so on
 * @dense: as dense mode writes it
 * @read: it was rebuilt, or never used, and is about to go
 * @lost: it was found not to give the page back
 *
 * Made by one worker, immutable once it stands in a page table, except for
 * @read and @lost, which are written under the lock of the device page. Settling
 * (settle.c) puts another record in its place, under that lock too; so who has
 * not the lock may not hold on to a record.
 */
struct medes_record {
	u64 checksum;
	unsigned long handle;
	struct medes_extent *extent;
	struct medes_account *account;
	u16 slot;
	u16 len;
	u8 encoding : 4;
	u8 reach : 4;
	bool dense;
	bool read;
	bool lost;
};

int medes_record_init(void);
void medes_record_exit(void);
struct medes_record *medes_record_new(struct medes_account *account,
				      u64 checksum,
				      const struct medes_coded *coded,
				      struct medes_extent *extent, u32 slot);
void medes_record_unused(struct medes_record *record);
void medes_record_free(struct medes_record *record);
int medes_record_decode(struct medes_record *record, void *page);
bool medes_record_missing(const struct medes_record *record);
u64 medes_record_pool_bytes(void);
u64 medes_record_pool_unused(void);
u64 medes_record_pool_compacted(void);
void medes_record_compact(void);
unsigned int medes_record_head_bytes(void);

#endif /* MEDES_RECORD_H */
