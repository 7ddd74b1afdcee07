/* SPDX-License-Identifier: GPL-2.0 */
/* A sandbox: processes whose memory is deduplicated and restored together. */
#ifndef MEDES_SANDBOX_H
#define MEDES_SANDBOX_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <uapi/linux/medes.h>
#include "op.h"

struct medes_account;
struct medes_domain;
struct netlink_ext_ack;

/**
 * struct medes_sandbox - a sandbox
 * @ref: one while it is listed, one of every holder (mm, operation, dump)
 * @id: within this load of the module
 * @name: unique among sandboxes
 * @function: a label of the daemon's
 * @domain: with whom it may share pages
 * @account: counters; records point there, never here
 * @lock: protects @mms, @next_mm and @state
 * @mms: its address spaces
 * @next_mm: id of the next one
 * @state: as last told to user space
 * @removed: no mm may come in any more; under medes_sandbox_mutex
 * @queue: operations, one after the other
 * @update: tells user space of a new state, from atomic context too
 * @expire: removes it some time after its last process has gone
 */
struct medes_sandbox {
	struct kref ref;
	u32 id;
	char name[MEDES_NAME_MAX + 1];
	char function[MEDES_NAME_MAX + 1];
	struct medes_domain *domain;
	struct medes_account *account;
	struct mutex lock;	/* mms, next_mm, state */
	struct list_head mms;
	u32 next_mm;
	enum medes_sandbox_state state;
	bool removed;
	struct medes_queue queue;
	struct work_struct update;
	struct delayed_work expire;
};

/*
 * Outermost of our locks about sandboxes: protects the list of sandboxes, that
 * of address spaces (mm.c), and the order of attaching and removing.
 */
extern struct mutex medes_sandbox_mutex;

struct medes_sandbox *medes_sandbox_new(const char *name, const char *domain,
					const char *function,
					struct netlink_ext_ack *extack);
void medes_sandbox_remove(struct medes_sandbox *sandbox);
struct medes_sandbox *medes_sandbox_find(u32 id);
struct medes_sandbox *medes_sandbox_next(u32 *id);
void medes_sandbox_put(struct medes_sandbox *sandbox);
enum medes_sandbox_state medes_sandbox_update(struct medes_sandbox *sandbox);
void medes_sandbox_left(struct medes_sandbox *sandbox);
void medes_sandbox_kick(u32 id);
void medes_sandbox_tell(u32 id);
void medes_sandbox_exit(void);

#endif /* MEDES_SANDBOX_H */
