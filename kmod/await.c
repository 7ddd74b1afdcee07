// SPDX-License-Identifier: GPL-2.0
/*
 * Faults that need pages of other nodes.
 *
 * Nothing is unmapped yet, and mmap_lock is dropped while the network is waited
 * for, if the fault may be tried again: other threads go on, and map and unmap what
 * they like. The touched page's folio stays locked, by the core; so whoever else
 * touches it tries again until this is over. A fatal signal ends the wait.
 *
 * Base pages of the neighbours that would come along are read in the same batch.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/signal.h>
#include "around.h"
#include "await.h"
#include "base.h"
#include "devmem.h"
#include "fetch.h"
#include "limits.h"
#include "ptes.h"
#include "record.h"
#include "stats.h"

/*
 * Nobody waits for who is killed. On his way out he touches his memory once more
 * (clear_child_tid, robust futexes), when the signal is pending no longer.
 */
static bool is_dying(void)
{
	return current->flags & PF_EXITING &&
	       (READ_ONCE(current->signal->group_exit_code) & 0x7f) == SIGKILL;
}

/* The guess is made once more when the fault goes on: as if it was not made now. */
static unsigned long guess(struct medes_account *account,
			   struct vm_area_struct *vma, unsigned long address,
			   unsigned long *end)
{
	unsigned int window = READ_ONCE(account->window);
	unsigned long last = READ_ONCE(account->last_fault);
	unsigned long start = medes_around(account, vma, address, end);

	WRITE_ONCE(account->window, window);
	WRITE_ONCE(account->last_fault, last);
	return start;
}

static void want_neighbours(struct medes_fetch *f, struct vm_fault *vmf,
			    struct medes_account *account)
{
	pte_t pte[MEDES_FAULT_AROUND_MAX];
	unsigned long start, end;
	unsigned int n;
	int idx;

	start = guess(account, vmf->vma, vmf->address & PAGE_MASK, &end);
	n = (end - start) >> PAGE_SHIFT;
	idx = medes_devmem_enter();
	medes_ptes_read(vmf->vma->vm_mm, start, n, pte);
	for (unsigned int i = 0; i < n; i++) {
		struct page *device = medes_pte_device(pte[i]);

		if (device && device != vmf->page)
			medes_fetch_add_device(f, device, NULL);
	}
	medes_devmem_leave(idx);
}

/**
 * medes_await() - have what a touched page's record needs
 * @vmf: the fault, with the device page locked and mmap_lock held for read
 * @record: of the page; base pages that it needs are on another node
 *
 * Context: page fault; may sleep.
 * Return: 0 to go on: the base page is here, or was for a moment, or there is no
 * hope, which rebuilding finds out; VM_FAULT_RETRY, mmap_lock dropped unless the
 * fault may not wait; VM_FAULT_OOM; VM_FAULT_SIGBUS for who is killed.
 */
vm_fault_t medes_await(struct vm_fault *vmf, struct medes_record *record)
{
	bool first = fault_flag_allow_retry_first(vmf->flags);
	struct medes_fetch *f;
	int err;

	if (first && vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	if (is_dying())
		return VM_FAULT_SIGBUS;
	f = medes_fetch_new();
	if (!f)
		return VM_FAULT_OOM;
	medes_fetch_add_record(f, record);
	want_neighbours(f, vmf, record->account);
	if (first) {
		/* neither the VMA nor anything of it from here on */
		mmap_read_unlock(vmf->vma->vm_mm);
		medes_fetch_run(f);
		return VM_FAULT_RETRY;
	}
	err = medes_fetch_run(f);
	if (err == -ENOMEM)
		return VM_FAULT_OOM;
	return err == -EINTR ? VM_FAULT_SIGBUS : 0;
}
