// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/medes: counters and ceilings, one value a file.
 *
 *   <counter>                 of everything since the module was loaded
 *   max_*, dedup_quota_ms     ceilings, which root may change
 *   fault_around_pages        the same, of pages that one fault brings back
 *   compact                   written to: give back what records do not fill
 *   sandboxes/<id>/<counter>  of one sandbox; also its name, function, domain
 *                             and state
 *
 * Totals are for everybody, what belongs to one sandbox for root only: how many
 * of a tenant's pages are equal to others' is nobody else's business.
 *
 * A directory points to its sandbox without a reference. It need not have one:
 * medes_sysfs_remove() comes before the sandbox goes, and kobject_del() in it
 * waits for readers and lets no new one in. The reader's side takes no lock of
 * the sandbox, so that it does not matter which ones the remover holds.
 */
#include <linux/capability.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/xarray.h>
#include "cache.h"
#include "domain.h"
#include "limits.h"
#include "quota.h"
#include "record.h"
#include "reserve.h"
#include "sandbox.h"
#include "stats.h"
#include "sysfs.h"
#include "workingset.h"

/**
 * struct dir - a directory with counters
 * @kobj: in sysfs
 * @account: what is counted
 * @sandbox: whose, NULL at the top
 */
struct dir {
	struct kobject kobj;
	struct medes_account *account;
	struct medes_sandbox *sandbox;
};

/**
 * struct file - an attribute, with what its functions need to know
 * @attr: in sysfs
 * @show: writes its value into a page
 * @stat: number of the counter
 * @gauge: gives the value
 * @limit: the ceiling
 * @max: that may be written
 * @power: and only powers of two
 * @changed: called after it was written
 */
struct file {
	struct attribute attr;
	ssize_t (*show)(struct dir *dir, struct file *file, char *page);
	unsigned int stat;
	u64 (*gauge)(void);
	u64 *limit;
	u64 max;
	bool power;
	void (*changed)(void);
};

static struct dir *top;
static struct kobject *sandboxes;
static DEFINE_XARRAY(dirs);	/* sandbox's id -> its directory */

static ssize_t file_show(struct kobject *kobj, struct attribute *attr,
			 char *page)
{
	struct file *file = container_of(attr, struct file, attr);

	return file->show(container_of(kobj, struct dir, kobj), file, page);
}

/* Ceilings are writable, and what only makes something happen. */
static ssize_t file_store(struct kobject *kobj, struct attribute *attr,
			  const char *text, size_t len)
{
	struct file *file = container_of(attr, struct file, attr);
	u64 value;
	int err;

	if (!file->limit && !file->changed)
		return -EACCES;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = kstrtou64(text, 0, &value);
	if (err)
		return err;
	if (value > file->max || (file->power && !is_power_of_2(value)))
		return -ERANGE;
	if (file->limit)
		WRITE_ONCE(*file->limit, value);
	if (file->changed)
		file->changed();
	return len;
}

static const struct sysfs_ops ops = {
	.show = file_show,
	.store = file_store,
};

static ssize_t show_stat(struct dir *dir, struct file *file, char *page)
{
	return sysfs_emit(page, "%llu\n",
			  medes_stat_read(dir->account, file->stat));
}

static ssize_t show_limit(struct dir *dir, struct file *file, char *page)
{
	return sysfs_emit(page, "%llu\n", READ_ONCE(*file->limit));
}

static ssize_t show_gauge(struct dir *dir, struct file *file, char *page)
{
	return sysfs_emit(page, "%llu\n", file->gauge());
}

static ssize_t show_name(struct dir *dir, struct file *file, char *page)
{
	return sysfs_emit(page, "%s\n", dir->sandbox->name);
}

static ssize_t show_function(struct dir *dir, struct file *file, char *page)
{
	return sysfs_emit(page, "%s\n", dir->sandbox->function);
}

static ssize_t show_domain(struct dir *dir, struct file *file, char *page)
{
	return sysfs_emit(page, "%s\n", dir->sandbox->domain->name);
}

static ssize_t show_state(struct dir *dir, struct file *file, char *page)
{
	static const char * const names[] = {
		[MEDES_SANDBOX_STATE_WARM] = "warm",
		[MEDES_SANDBOX_STATE_DEDUPLICATING] = "deduplicating",
		[MEDES_SANDBOX_STATE_DEDUP] = "dedup",
		[MEDES_SANDBOX_STATE_RESTORING] = "restoring",
		[MEDES_SANDBOX_STATE_LOST] = "lost",
		[MEDES_SANDBOX_STATE_DEAD] = "dead",
	};

	return sysfs_emit(page, "%s\n", names[READ_ONCE(dir->sandbox->state)]);
}

/* The counters' names and numbers are filled in by init, and both lists. */
static struct file stat_files[MEDES_NR_STATS];
static struct attribute *stat_attrs[MEDES_NR_STATS];

/* Ceilings, and what is to be done when one has changed. */
#define LIMIT(what, most, then) {					\
	.attr = { .name = #what, .mode = 0644 },			\
	.show = show_limit,						\
	.limit = &medes_limits.what,					\
	.max = most,							\
	.changed = then,						\
}

#define DAY_MS (24 * 3600 * MSEC_PER_SEC)

static struct file limit_files[] = {
	LIMIT(max_device_pages, U64_MAX, NULL),
	LIMIT(max_base_bytes, U64_MAX, NULL),
	LIMIT(max_record_bytes, U64_MAX, NULL),
	LIMIT(max_cache_bytes, U64_MAX, NULL),
	LIMIT(max_reserve_pages, U32_MAX, medes_reserve_resize),
	LIMIT(max_restoring_pages, U64_MAX, NULL),
	LIMIT(dedup_quota_ms, MSEC_PER_SEC, medes_quota_wake),
	LIMIT(max_fetched_bytes, U64_MAX, medes_cache_trim),
	LIMIT(promote_users, U32_MAX, NULL),
	LIMIT(lease_ms, DAY_MS, NULL),
	LIMIT(read_timeout_ms, DAY_MS, NULL),
	LIMIT(read_spin_us, USEC_PER_MSEC, NULL),
	{
		.attr = { .name = "fault_around_pages", .mode = 0644 },
		.show = show_limit,
		.limit = &medes_limits.fault_around_pages,
		.max = MEDES_FAULT_AROUND_MAX,
		.power = true,
	},
};

static struct attribute *limit_attrs[ARRAY_SIZE(limit_files) + 1];

/* What the module holds beside what is counted for sandboxes. */
#define GAUGE(what, function)						\
	static struct file what = {					\
		.attr = { .name = #what, .mode = 0444 },		\
		.show = show_gauge,					\
		.gauge = function,					\
	}
GAUGE(cache_bytes, medes_ws_bytes);
GAUGE(reserve_pages, medes_reserve_pages);
GAUGE(record_pool_bytes, medes_record_pool_bytes);
GAUGE(record_pool_unused_bytes, medes_record_pool_unused);
GAUGE(record_pool_compacted_pages, medes_record_pool_compacted);

static struct file compact = {
	.attr = { .name = "compact", .mode = 0200 },
	.show = show_gauge,
	.gauge = medes_record_pool_compacted,
	.changed = medes_record_compact,
	.max = U64_MAX,
};

static struct attribute *gauge_attrs[] = {
	&cache_bytes.attr,
	&reserve_pages.attr,
	&record_pool_bytes.attr,
	&record_pool_unused_bytes.attr,
	&record_pool_compacted_pages.attr,
	&compact.attr,
	NULL
};

#define IDENTITY(what)							\
	static struct file what = {					\
		.attr = { .name = #what, .mode = 0400 },		\
		.show = show_ ## what,					\
	}
IDENTITY(name);
IDENTITY(function);
IDENTITY(domain);
IDENTITY(state);

static struct attribute *identity_attrs[] = {
	&name.attr,
	&function.attr,
	&domain.attr,
	&state.attr,
	NULL
};

/* Counters are the same files in both kinds of directories. */
static umode_t stat_visible(struct kobject *kobj, struct attribute *attr,
			    int i)
{
	return container_of(kobj, struct dir, kobj)->sandbox ? 0400 : 0444;
}

static const struct attribute_group stat_group = {
	.attrs = stat_attrs,
	.is_visible = stat_visible,
};

static const struct attribute_group limit_group = {
	.attrs = limit_attrs,
};

static const struct attribute_group gauge_group = {
	.attrs = gauge_attrs,
};

static const struct attribute_group identity_group = {
	.attrs = identity_attrs,
};

static const struct attribute_group *top_groups[] = {
	&stat_group,
	&limit_group,
	&gauge_group,
	NULL
};

static const struct attribute_group *sandbox_groups[] = {
	&stat_group,
	&identity_group,
	NULL
};

static void dir_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct dir, kobj));
}

static const struct kobj_type top_type = {
	.release = dir_release,
	.sysfs_ops = &ops,
	.default_groups = top_groups,
};

static const struct kobj_type sandbox_type = {
	.release = dir_release,
	.sysfs_ops = &ops,
	.default_groups = sandbox_groups,
};

static void __init fill_lists(void)
{
	unsigned int stat;

	for (unsigned int i = 0; i < ARRAY_SIZE(limit_files); i++)
		limit_attrs[i] = &limit_files[i].attr;

	/* Attribute numbers begin with 1, and the array ends with NULL. */
	for (stat = 1; stat < MEDES_NR_STATS; stat++) {
		struct file *file = &stat_files[stat];

		sysfs_attr_init(&file->attr);
		file->attr.name = medes_stat_name(stat);
		file->attr.mode = 0444;
		file->show = show_stat;
		file->stat = stat;
		stat_attrs[stat - 1] = &file->attr;
	}
}

static void remove_dir(struct dir *dir)
{
	kobject_del(&dir->kobj);
	kobject_put(&dir->kobj);
}

/**
 * medes_sysfs_init() - make /sys/kernel/medes
 *
 * Context: module init.
 * Return: 0, or a negative errno.
 */
int __init medes_sysfs_init(void)
{
	int err;

	fill_lists();
	top = kzalloc_obj(*top);
	if (!top)
		return -ENOMEM;
	top->account = &medes_totals;
	err = kobject_init_and_add(&top->kobj, &top_type, kernel_kobj,
				   "medes");
	if (err)
		goto err_top;
	sandboxes = kobject_create_and_add("sandboxes", &top->kobj);
	if (sandboxes)
		return 0;
	err = -ENOMEM;
err_top:
	kobject_put(&top->kobj);
	return err;
}

/**
 * medes_sysfs_exit() - remove /sys/kernel/medes
 *
 * Context: module exit, when no sandbox is left.
 */
void medes_sysfs_exit(void)
{
	kobject_put(sandboxes);
	remove_dir(top);
	xa_destroy(&dirs);
}

/**
 * medes_sysfs_add() - make a sandbox's directory
 * @sandbox: with its id, name and account
 *
 * Context: may sleep.
 * Return: 0, or a negative errno.
 */
int medes_sysfs_add(struct medes_sandbox *sandbox)
{
	struct dir *dir = kzalloc_obj(*dir);
	int err;

	if (!dir)
		return -ENOMEM;
	dir->account = sandbox->account;
	dir->sandbox = sandbox;
	err = kobject_init_and_add(&dir->kobj, &sandbox_type, sandboxes, "%u",
				   sandbox->id);
	if (!err)
		err = xa_err(xa_store(&dirs, sandbox->id, dir, GFP_KERNEL));
	if (err)
		kobject_put(&dir->kobj);
	return err;
}

/**
 * medes_sysfs_remove() - remove a sandbox's directory, if it has one
 * @sandbox: no reader looks at it after this
 *
 * Context: may sleep; waits for readers, which take no locks of the sandbox.
 */
void medes_sysfs_remove(struct medes_sandbox *sandbox)
{
	struct dir *dir = xa_erase(&dirs, sandbox->id);

	if (dir)
		remove_dir(dir);
}
