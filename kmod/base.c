// SPDX-License-Identifier: GPL-2.0
/*
 * Bases.
 *
 * A base is a list of pages that never change once a record can refer to them.
 * Who holds what:
 *
 * - A record counts as a user of its base page and of the base. It is freed in
 *   atomic context, so giving up is two atomic operations, the one on the base
 *   last; after that the record's owner never looks at the base again.
 * - A base can be dropped only while it has no users. medes_base_use(), the
 *   one place that makes a user out of a number from user space, and
 *   medes_extent_new(), whose extent is a user until it is trimmed, exclude
 *   the drop by the base's lock; from then on users stays above zero.
 * - Whoever found a base by its id holds a reference, and pages are freed with
 *   the last reference, so that a dump may read pages of a base that is
 *   dropped meanwhile.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include "base.h"
#include "domain.h"
#include "pack.h"
#include "remote.h"
#include "stats.h"

static DEFINE_MUTEX(lock);	/* names, and who may add to the list */
static DEFINE_XARRAY_ALLOC(bases);	/* lower half of id -> base */
static u32 cursor;
static u32 load;		/* upper half of every id */
static atomic64_t total_bytes;

/**
 * medes_base_account() - bytes of raw base pages and descriptors come or go
 * @bytes: how many
 *
 * Context: any.
 */
void medes_base_account(s64 bytes)
{
	atomic64_add(bytes, &total_bytes);
}

/**
 * medes_base_bytes() - what all bases cost
 *
 * Context: any.
 * Return: bytes of base pages and their descriptors.
 */
u64 medes_base_bytes(void)
{
	return atomic64_read(&total_bytes) + medes_pack_bytes();
}

/**
 * medes_base_size() - what one base costs
 * @base: held by the caller
 *
 * Context: may sleep.
 * Return: bytes of its pages and descriptors.
 */
u64 medes_base_size(struct medes_base *base)
{
	struct medes_extent *extent;
	u64 bytes = sizeof(*base);

	mutex_lock(&base->lock);
	list_for_each_entry(extent, &base->extents, node)
		bytes += medes_extent_size(extent);
	mutex_unlock(&base->lock);
	return bytes;
}

static struct medes_base *find_name(const char *name)
{
	struct medes_base *base;
	unsigned long i;

	lockdep_assert_held(&lock);
	xa_for_each(&bases, i, base)
		if (!strcmp(base->name, name))
			return base;
	return NULL;
}

static void base_free(struct kref *ref)
{
	struct medes_base *base = container_of(ref, struct medes_base, ref);
	struct medes_extent *extent, *next;

	list_for_each_entry_safe(extent, next, &base->extents, node)
		medes_extent_free(extent);
	if (base->remote)
		medes_remote_free(base->remote);
	else
		atomic64_sub(atomic_read(&base->nr_pages),
			     &medes_totals.value[MEDES_A_STATS_BASE_PAGES]);
	xa_destroy(&base->pages);
	medes_base_account(-(s64)sizeof(*base));
	medes_domain_put(base->domain);
	kfree(base);
}

/**
 * medes_base_put() - drop a reference
 * @base: from medes_base_find(), medes_base_next() or medes_base_new()
 *
 * Context: may sleep.
 */
void medes_base_put(struct medes_base *base)
{
	kref_put(&base->ref, base_free);
}

static int insert(struct medes_base *base, struct netlink_ext_ack *extack)
{
	u32 id;
	int err;

	lockdep_assert_held(&lock);
	if (find_name(base->name)) {
		NL_SET_ERR_MSG_FMT(extack, "a base named %.40s exists",
				   base->name);
		return -EEXIST;
	}
	if (!load)
		load = get_random_u32_inclusive(1, S32_MAX);
	err = xa_alloc_cyclic(&bases, &id, base, XA_LIMIT(1, U32_MAX), &cursor,
			      GFP_KERNEL);
	if (err < 0)
		return err;
	base->id = (u64)load << 32 | id;
	return 0;
}

/**
 * medes_base_new() - make an empty base
 * @name: unique among bases
 * @domain: whose sandboxes may refer to it
 * @function: a label of the daemon's
 * @remote: where its pages are, if on other nodes, which is the base's from now
 *	on unless this fails; else NULL
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: the base, referenced, or ERR_PTR(): -EEXIST when the name is taken,
 * -ENOMEM.
 */
struct medes_base *medes_base_new(const char *name, const char *domain,
				  const char *function,
				  struct medes_remote *remote,
				  struct netlink_ext_ack *extack)
{
	struct medes_base *base = kzalloc_obj(*base);
	int err = -ENOMEM;

	if (!base)
		return ERR_PTR(err);
	base->domain = medes_domain_get(domain);
	if (!base->domain)
		goto err_domain;
	kref_init(&base->ref);
	base->remote = remote;
	strscpy(base->name, name, sizeof(base->name));
	strscpy(base->function, function, sizeof(base->function));
	mutex_init(&base->lock);
	INIT_LIST_HEAD(&base->extents);
	xa_init(&base->pages);

	mutex_lock(&lock);
	err = insert(base, extack);
	if (!err)
		kref_get(&base->ref);
	mutex_unlock(&lock);
	if (err)
		goto err_insert;
	medes_base_account(sizeof(*base));
	return base;

err_insert:
	medes_domain_put(base->domain);
err_domain:
	kfree(base);
	return ERR_PTR(err);
}

/**
 * medes_base_find() - the base of this id
 * @id: from user space
 *
 * Context: may sleep.
 * Return: the base, referenced, or NULL.
 */
struct medes_base *medes_base_find(u64 id)
{
	struct medes_base *base;

	mutex_lock(&lock);
	base = xa_load(&bases, lower_32_bits(id));
	if (base && base->id == id)
		kref_get(&base->ref);
	else
		base = NULL;
	mutex_unlock(&lock);
	return base;
}

/**
 * medes_base_next() - the first base with this id or a greater one
 * @id: where to begin; its id on return. Begin with 0.
 *
 * Context: may sleep.
 * Return: the base, referenced, or NULL at the end.
 */
struct medes_base *medes_base_next(u64 *id)
{
	unsigned long low = lower_32_bits(*id);
	struct medes_base *base;

	mutex_lock(&lock);
	base = xa_find(&bases, &low, U32_MAX, XA_PRESENT);
	if (base) {
		kref_get(&base->ref);
		*id = base->id;
	}
	mutex_unlock(&lock);
	return base;
}

/**
 * medes_base_drop() - drop a base that nothing refers to
 * @id: which
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: 0, -ENOENT, or -EBUSY while records refer to it or it is exported.
 */
int medes_base_drop(u64 id, struct netlink_ext_ack *extack)
{
	struct medes_base *base = medes_base_find(id);
	u64 users;

	if (!base) {
		NL_SET_ERR_MSG_FMT(extack, "no base has the id %#llx", id);
		return -ENOENT;
	}
	mutex_lock(&base->lock);
	users = atomic64_read_acquire(&base->users);
	if (base->dropped) {
		mutex_unlock(&base->lock);
		medes_base_put(base);
		NL_SET_ERR_MSG_FMT(extack, "base %#llx is being dropped", id);
		return -ENOENT;
	}
	if (base->pinned) {
		mutex_unlock(&base->lock);
		medes_base_put(base);
		NL_SET_ERR_MSG(extack, "the base is exported: unexport it first");
		return -EBUSY;
	}
	if (!users) {
		base->dropped = true;
		mutex_unlock(&base->lock);
		mutex_lock(&lock);
		xa_erase(&bases, lower_32_bits(id));
		mutex_unlock(&lock);
		medes_base_put(base);
		medes_base_put(base);
		return 0;
	}
	mutex_unlock(&base->lock);
	medes_base_put(base);
	NL_SET_ERR_MSG_FMT(extack, "%llu records refer to the base", users);
	return -EBUSY;
}

/**
 * medes_base_pin() - let a base stay as it is
 * @base: held by the caller
 * @extack: for the reason of a refusal
 *
 * Until medes_base_unpin() it can't be dropped, packed, or get more pages.
 *
 * Context: may sleep.
 * Return: 0, -ENOENT when it was dropped, -EBUSY while it changes,
 * -EOPNOTSUPP when its pages are on other nodes.
 */
int medes_base_pin(struct medes_base *base, struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&base->lock);
	if (base->remote) {
		NL_SET_ERR_MSG(extack, "the base is on other nodes: copy it here first");
		err = -EOPNOTSUPP;
	} else if (base->dropped) {
		NL_SET_ERR_MSG(extack, "the base is being dropped");
		err = -ENOENT;
	} else if (base->filling || base->packing) {
		NL_SET_ERR_MSG(extack, "the base is being filled or packed");
		err = -EBUSY;
	} else {
		base->pinned = true;
	}
	mutex_unlock(&base->lock);
	return err;
}

/**
 * medes_base_unpin() - let it change again
 * @base: pinned
 *
 * Context: may sleep.
 */
void medes_base_unpin(struct medes_base *base)
{
	mutex_lock(&base->lock);
	base->pinned = false;
	mutex_unlock(&base->lock);
}

/**
 * medes_base_pack_begin() - begin to pack a base
 * @base: held by the caller
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY when it is exported.
 */
int medes_base_pack_begin(struct medes_base *base)
{
	int err = 0;

	mutex_lock(&base->lock);
	if (base->pinned)
		err = -EBUSY;
	else
		base->packing = true;
	mutex_unlock(&base->lock);
	return err;
}

/**
 * medes_base_pack_end() - it is packed
 * @base: after medes_base_pack_begin()
 *
 * Context: may sleep.
 */
void medes_base_pack_end(struct medes_base *base)
{
	mutex_lock(&base->lock);
	base->packing = false;
	mutex_unlock(&base->lock);
}

/**
 * medes_base_exit() - drop all bases
 *
 * Context: module exit; live records hold the module, so nothing refers to
 * them, and the netlink family has gone.
 */
void medes_base_exit(void)
{
	struct medes_base *base;
	unsigned long i;

	xa_for_each(&bases, i, base) {
		xa_erase(&bases, i);
		medes_base_put(base);
	}
	xa_destroy(&bases);
}
