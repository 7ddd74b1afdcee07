/* SPDX-License-Identifier: GPL-2.0 */
/* A base: immutable copies of pages, which records refer to. */
#ifndef MEDES_BASE_H
#define MEDES_BASE_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/xarray.h>
#include <uapi/linux/medes.h>

struct medes_domain;
struct medes_far;
struct medes_remote;
struct netlink_ext_ack;

#define MEDES_EXTENT_PAGES 512

/* Where the base page of a record is; a word of the tracepoint medes_fault. */
enum medes_base_place {
	MEDES_BASE_NONE,	/* the record needs none */
	MEDES_BASE_LOCAL,	/* in this host's memory */
	MEDES_BASE_REMOTE,	/* another host's memory */
};

/**
 * struct medes_base - a base
 * @ref: one while it is listed, one of every holder (operation, dump)
 * @id: never used twice; upper half drawn when the module was loaded
 * @domain: whose sandboxes alone may refer to it
 * @name: unique among bases
 * @function: a label of the daemon's
 * @remote: of a base whose pages are on other nodes; else NULL
 * @lock: protects @next, @extents, growth of @pages, and all flags and counts of
 *	who may change what
 * @next: index of the next page
 * @extents: all, for the end
 * @pages: index of a page -> its extent; entries appear complete and stay
 * @nr_pages: entries in @pages
 * @nr_packed: of them, those that are packed
 * @users: records that refer to it; dropped in atomic context, as the last
 *         thing that a record does with the base
 * @dropped: no new reference; set once, when there are no users
 * @pinned: it is exported: as it is it stays
 * @filling: extents that are being filled
 * @packing: it is being packed
 */
struct medes_base {
	struct kref ref;
	u64 id;
	struct medes_domain *domain;
	char name[MEDES_NAME_MAX + 1];
	char function[MEDES_NAME_MAX + 1];
	struct medes_remote *remote;
	struct mutex lock;	/* next, extents, growth of pages, all from dropped on */
	u32 next;
	struct list_head extents;
	struct xarray pages;
	atomic_t nr_pages;
	atomic_t nr_packed;
	atomic64_t users;
	bool dropped;
	bool pinned;
	bool packing;
	unsigned int filling;
};

/**
 * struct medes_packed - a base page that is kept compressed
 * @handle: of a SELF record in zsmalloc
 * @len: of the record; 0: it is not packed
 */
struct medes_packed {
	unsigned long handle;
	u16 len;
};

/**
 * struct medes_extent - up to 512 pages of a base, the unit of allocation
 * @node: in the base's list
 * @base: owner; outlives the extent
 * @first: index of slot 0
 * @count: slots
 * @far: where the pages are, if on other nodes; else NULL
 * @page: the copies; NULL where a page was not taken, or is packed (pack.c), or is
 *	on other nodes and not in the cache (cache.c)
 * @packed: what was packed
 * @users: of each, records that refer to it
 */
struct medes_extent {
	struct list_head node;
	struct medes_base *base;
	u32 first;
	u32 count;
	struct medes_far *far;
	struct page *page[MEDES_EXTENT_PAGES];
	struct medes_packed packed[MEDES_EXTENT_PAGES];
	atomic_t users[MEDES_EXTENT_PAGES];
};

struct medes_base *medes_base_new(const char *name, const char *domain,
				  const char *function,
				  struct medes_remote *remote,
				  struct netlink_ext_ack *extack);
int medes_base_drop(u64 id, struct netlink_ext_ack *extack);
struct medes_base *medes_base_find(u64 id);
struct medes_base *medes_base_next(u64 *id);
void medes_base_put(struct medes_base *base);
u64 medes_base_size(struct medes_base *base);
u64 medes_base_bytes(void);
void medes_base_account(s64 bytes);
int medes_base_pin(struct medes_base *base, struct netlink_ext_ack *extack);
void medes_base_unpin(struct medes_base *base);
int medes_base_pack_begin(struct medes_base *base);
void medes_base_pack_end(struct medes_base *base);
void medes_base_exit(void);

/* extent.c */
struct medes_extent *medes_extent_new(struct medes_base *base, u32 count);
struct medes_extent *medes_extent_new_at(struct medes_base *base, u32 first,
					 u32 count);
struct medes_extent *medes_extent_new_far(struct medes_base *base, u32 first,
					  u32 count);
void medes_extent_fill(struct medes_extent *extent, u32 slot, const void *bytes);
int medes_extent_publish(struct medes_extent *extent, u32 slot);
void medes_extent_trim(struct medes_extent *extent);
u64 medes_extent_size(struct medes_extent *extent);
void medes_extent_free(struct medes_extent *extent);

bool medes_extent_has(struct medes_extent *extent, u32 slot);
struct medes_extent *medes_base_use(struct medes_base *base, u32 index,
				    u32 *slot);
void medes_extent_use(struct medes_extent *extent, u32 slot);
void medes_extent_unuse(struct medes_extent *extent, u32 slot);

static inline enum medes_base_place
medes_base_place(const struct medes_extent *extent)
{
	if (!extent)
		return MEDES_BASE_NONE;
	return extent->far ? MEDES_BASE_REMOTE : MEDES_BASE_LOCAL;
}

/* Has a page to be fetched from another node first? Any context; a hint. */
static inline bool medes_extent_missing(const struct medes_extent *extent,
					u32 slot)
{
	return extent && extent->far && !READ_ONCE(extent->page[slot]);
}

#endif /* MEDES_BASE_H */
