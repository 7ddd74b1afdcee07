// SPDX-License-Identifier: GPL-2.0
/*
 * Ceilings. Bases, records and device pages are kernel memory that no memory
 * cgroup is charged for, so they are bounded here, and an operation that would
 * pass one leaves the page where it is. Fault-around is bounded here, too.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include "batch.h"
#include "limits.h"

struct medes_limits medes_limits;

/**
 * medes_limits_init() - begin with what fits a host that does nothing else
 *
 * Deduplicated pages may be four times the host's memory (64 bytes each),
 * records half of it, bases a quarter. A reserve of 1 MiB lasts until kswapd
 * has found more. A node that is not back in five seconds will not be soon.
 *
 * Context: module init.
 */
void __init medes_limits_init(void)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;

	medes_limits.max_device_pages = 4 * (ram >> PAGE_SHIFT);
	medes_limits.max_record_bytes = ram / 2;
	medes_limits.max_base_bytes = ram / 4;
	medes_limits.fault_around_pages = MEDES_FAULT_AROUND_MAX;
	medes_limits.max_cache_bytes = ram / 64;
	medes_limits.max_reserve_pages = min(256UL, totalram_pages() / 256);
	medes_limits.max_restoring_pages = MEDES_BATCH *
					   num_possible_cpus();
	medes_limits.max_fetched_bytes = ram / 16;
	medes_limits.promote_users = 16;
	medes_limits.lease_ms = 30 * MSEC_PER_SEC;
	medes_limits.read_timeout_ms = 5 * MSEC_PER_SEC;
}
