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
 * Memory for the touched page is taken before anything is unmapped and may
 * wait for reclaim; that of neighbours is taken only where it is free at once.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/pagemap.h>
#include "around.h"
#include "base.h"
#include "devmem.h"
#include "fault.h"
#include "limits.h"
#include "rebuild.h"
#include "record.h"
#include "stats.h"
#include "trace.h"

/* A fault at work. */
struct fault {
	struct migrate_vma args;
	struct medes_account *account;
	struct page *page;		/* for the touched page */
	unsigned int brought;
	unsigned long src[MEDES_FAULT_AROUND_MAX];
	unsigned long dst[MEDES_FAULT_AROUND_MAX];
};

/* A page for a neighbour: only if one is free. */
static struct page *neighbour_page(struct vm_area_struct *vma,
				   unsigned long address)
{
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM) |
		    __GFP_NOWARN | __GFP_NOMEMALLOC;

	return alloc_page_vma(gfp, vma, address);
}

/* Rebuild what setup gave us. Return the error of the touched page. */
static int rebuild(struct fault *f, struct page *touched)
{
	struct migrate_vma *args = &f->args;
	int err = 0;

	for (unsigned int i = 0; i < args->npages; i++) {
		unsigned long address = args->start + i * PAGE_SIZE;
		struct page *device, *page;

		if (!medes_rebuild_wanted(f->src[i]))
			continue;
		device = migrate_pfn_to_page(f->src[i]);
		page = device == touched ? f->page :
					   neighbour_page(args->vma, address);
		if (!page)
			continue;
		if (device == touched)
			f->page = NULL;
		if (medes_rebuild(device, page, address)) {
			if (device == touched)
				err = -EIO;
			put_page(page);
			continue;
		}
		lock_page(page);
		f->dst[i] = migrate_pfn(page_to_pfn(page));
		f->brought++;
	}
	return err;
}

/**
 * medes_fault() - bring a touched page back, and neighbours with it
 * @vmf: with the device page locked and held, and mmap_lock held for read
 *
 * Context: page fault; may sleep.
 * Return: 0 (also when the page could not be unmapped: it is touched again),
 * VM_FAULT_OOM, or VM_FAULT_SIGBUS when the page is lost.
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

	f.page = alloc_page_vma(GFP_HIGHUSER_MOVABLE, vmf->vma, address);
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
	if (rebuild(&f, vmf->page))
		ret = VM_FAULT_SIGBUS;
	migrate_vma_pages(&f.args);
	migrate_vma_finalize(&f.args);

	if (f.src[(address - f.args.start) >> PAGE_SHIFT] & MIGRATE_PFN_MIGRATE)
		medes_count(f.account, FAULTS, 1);
	if (f.brought > 1)
		medes_count(f.account, FAULT_AROUND, f.brought - 1);
out_page:
	if (f.page)
		put_page(f.page);
out:
	ns = ktime_get_ns() - begin;
	medes_count(f.account, FAULT_NS, ns);
	trace_medes_fault(f.account->sandbox, address, encoding, where,
			  window, f.brought, ns, ret);
	medes_account_put(f.account);
	return ret;
}
