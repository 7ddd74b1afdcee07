/* SPDX-License-Identifier: GPL-2.0 */
/* Ceilings, which the kernel keeps whatever user space asks for. */
#ifndef MEDES_LIMITS_H
#define MEDES_LIMITS_H

#include <linux/types.h>

/* Most pages that one fault may bring back; a power of two. */
#define MEDES_FAULT_AROUND_MAX 16

/* Set through sysfs; READ_ONCE/WRITE_ONCE, no lock. */
struct medes_limits {
	u64 max_device_pages;
	u64 max_base_bytes;
	u64 max_record_bytes;
	u64 fault_around_pages;
	u64 max_cache_bytes;		/* what is only there to be fast */
	u64 max_reserve_pages;		/* for faults without memory */
	u64 max_restoring_pages;	/* in the hands of bulk restores */
	u64 dedup_quota_ms;		/* of each second; 0: no limit */
	u64 max_fetched_bytes;		/* base pages of other nodes */
	u64 promote_users;		/* records that keep one here; 0: never */
	u64 lease_ms;			/* of nodes that read our bases */
	u64 read_timeout_ms;		/* how long to wait for other nodes */
	u64 read_spin_us;		/* of that, without sleeping */
};

extern struct medes_limits medes_limits;

void medes_limits_init(void);

#endif /* MEDES_LIMITS_H */
