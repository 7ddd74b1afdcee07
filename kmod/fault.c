// SPDX-License-Identifier: GPL-2.0
/*
 * The fault path: somebody touched a deduplicated page.
 *
 *   do_swap_page()            finds a device-private entry, locks the page
 *     medes_fault()           here
 *       medes_around()        which neighbours come along
 *       migrate_vma_setup()   unmaps those that are ours
 *       medes_rebuild()       record -> bytes, checked
 *       migrate_vma_pages(), _finalize()   map them
 *
 * Every kind of touch comes this way: the process's own, a system call's, and
 * what others do through get_user_pages(), /proc/PID/mem or ptrace. Nothing
 * here waits for user space. A page that can't be rebuilt is VM_FAULT_SIGBUS,
 * which a system call sees as EFAULT.
 *
 * Memory for the touched page is taken before anything is unmapped: what is
 * free at once, else from the reserve, and only then by reclaim. That of
 * neighbours is taken only where it is free at once. A page that a bulk restore
 * has rebuilt already is taken as it is.
 *
 * A base page that has to come from another node is waited for before all that
 * (await.c).
 *
 * What came back is logged for the working set.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/pagemap.h>
#include "ahead.h"
#include "around.h"
#include "await.h"
#include "base.h"
#include "devmem.h"
#include "fault.h"
#include "hist.h"
#include "limits.h"
#include "rebuild.h"
#include "record.h"
#include "reserve.h"
#include "stats.h"
#include "trace.h"
#include "workingset.h"

/* A fault at work. */
struct fault {
	struct migrate_vma args;
	struct medes_account *account;
	struct page *page;		/* for the touched page */
	bool ready;			/* ... and its bytes are there already */
	unsigned int brought;
	unsigned long src[MEDES_FAULT_AROUND_MAX];
	unsigned long dst[MEDES_FAULT_AROUND_MAX];
};

/* A page, only if one is free. */
static struct page *free_page_for(struct vm_area_struct *vma,
				  unsigned long address)
{
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM) |
		    __GFP_NOWARN | __GFP_NOMEMALLOC;

	return alloc_page_vma(gfp, vma, address);
}

/* A page for the touched one; one that a bulk restore has rebuilt is best. */
static struct page *touched_page(struct fault *f, struct medes_record *record,
				 unsigned long address)
{
	struct page *page = medes_ahead_take(record);

	f->ready = page;
	if (page)
		return page;
	page = free_page_for(f->args.vma, address);
	if (page)
		return page;
	page = medes_reserve_take();
	if (page) {
		medes_count(f->account, RESERVE_USED, 1);
		return page;
	}
	return alloc_page_vma(GFP_HIGHUSER_MOVABLE, f->args.vma, address);
}

/*
 * The bytes of a record, in a page that somebody rebuilt or in a new one; NULL
 * without memory, or an error.
 */
static struct page *rebuilt_page(struct fault *f, struct medes_record *record,
				 unsigned long address, bool touched)
{
	struct page *page = NULL;
	bool ready;
	int err;

	if (touched) {
		swap(page, f->page);
		ready = f->ready;
	} else {
		page = medes_ahead_take(record);
		ready = page;
		if (!page)
			page = free_page_for(f->args.vma, address);
	}
	if (!page || ready)
		return page;
	err = medes_rebuild(record, page, address);
	if (!err)
		return page;
	put_page(page);
	return ERR_PTR(err);
}

/* Rebuild what setup gave us. Return the error of the touched page. */
static int rebuild(struct fault *f, struct page *touched)
{
	struct migrate_vma *args = &f->args;
	int err = 0;

	for (unsigned int i = 0; i < args->npages; i++) {
		unsigned long address = args->start + i * PAGE_SIZE;
		struct medes_record *record;
		struct page *device, *page;

		if (!medes_rebuild_wanted(f->src[i], touched))
			continue;
		device = migrate_pfn_to_page(f->src[i]);
		record = medes_devmem_record(device);
		page = rebuilt_page(f, record, address, device == touched);
		if (IS_ERR_OR_NULL(page)) {
			if (device == touched)
				err = PTR_ERR(page);
			continue;
		}
		record->read = true;
		lock_page(page);
		f->dst[i] = migrate_pfn(page_to_pfn(page));
	}
	return err;
}

/* Which pages of the window came back. */
static u64 brought(const struct fault *f)
{
	u64 back = 0;

	for (unsigned int i = 0; i < f->args.npages; i++)
		if (f->dst[i] && f->src[i] & MIGRATE_PFN_MIGRATE)
			back |= BIT_ULL(i);
	return back;
}

/**
 * medes_fault() - bring a touched page back, and neighbours with it
 * @vmf: with the device page locked and held, and mmap_lock held for read
 *
 * Context: page fault; may sleep.
 * Return: 0 (also when the page could not be unmapped, or its base page went out
 * of the cache: it is touched again), VM_FAULT_OOM, VM_FAULT_SIGBUS when the page
 * is lost, or VM_FAULT_RETRY after mmap_lock was dropped to wait for another node.
 */
vm_fault_t medes_fault(struct vm_fault *vmf)
{
	struct medes_record *record = medes_devmem_record(vmf->page);
	unsigned long address = vmf->address & PAGE_MASK;
	u8 where = medes_base_place(record->extent);
	u8 encoding = record->encoding;
	u64 begin = ktime_get_ns(), ns;
	struct fault f = {
		.args = {
			.vma = vmf->vma,
			.src = f.src,
			.dst = f.dst,
			.pgmap_owner = medes_devmem_owner,
			.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
			.fault_page = vmf->page,
		},
		.account = medes_account_get(record->account),
	};
	unsigned int window = 0;
	vm_fault_t ret = 0;
	u64 back, asked;

	if (medes_record_missing(record))
		ret = medes_await(vmf, record);
	if (ret)
		goto out;
	f.page = touched_page(&f, record, address);
	if (!f.page) {
		ret = VM_FAULT_OOM;
		goto out;
	}
	f.args.start = medes_around(f.account, vmf->vma, address, &f.args.end);
	window = (f.args.end - f.args.start) >> PAGE_SHIFT;
	if (migrate_vma_setup(&f.args)) {
		ret = VM_FAULT_SIGBUS;
		goto out_page;
	}
	if (rebuild(&f, vmf->page) == -EIO)
		ret = VM_FAULT_SIGBUS;
	migrate_vma_pages(&f.args);
	back = brought(&f);
	migrate_vma_finalize(&f.args);

	asked = BIT_ULL((address - f.args.start) >> PAGE_SHIFT);
	f.brought = hweight64(back);
	if (back & asked)
		medes_count(f.account, FAULTS, 1);
	if (back & ~asked)
		medes_count(f.account, FAULT_AROUND, hweight64(back & ~asked));
	if (back)
		medes_ws_log(vmf->vma->vm_mm, f.args.start, back, asked);
out_page:
	if (f.page)
		put_page(f.page);
out:
	ns = ktime_get_ns() - begin;
	medes_count(f.account, FAULT_NS, ns);
	if (ret != VM_FAULT_RETRY)
		medes_hist_fault(encoding, ns);
	trace_medes_fault(f.account->sandbox, address, encoding, where,
			  window, f.brought, ns, ret);
	medes_account_put(f.account);
	return ret;
}
