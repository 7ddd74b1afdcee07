// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/medes, for people who look for what is wrong:
 *
 *   sandboxes, bases, operations   what there is
 *   records                        of each deduplicated page; no contents
 *   latency                        how long touches took, by encoding, and reads
 *                                  from other nodes
 *   lengths                        how long records are, by encoding
 *
 * The formats are nobody's interface. Objects are listed by their cursors, each
 * referenced while it is shown; records are found by walking device memory
 * inside medes_devmem_enter() and looked at under their folio locks, so what
 * somebody is at just then is left out.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "base.h"
#include "debugfs.h"
#include "devmem.h"
#include "domain.h"
#include "hist.h"
#include "inject.h"
#include "op.h"
#include "record.h"
#include "sandbox.h"
#include "stats.h"

static struct dentry *dir;

static const char * const encodings[MEDES_HIST_ENCODINGS] = {
	[MEDES_ENCODING_ZERO] = "zero",
	[MEDES_ENCODING_SAME] = "same",
	[MEDES_ENCODING_WORDS] = "words",
	[MEDES_ENCODING_SELF] = "self",
	[MEDES_ENCODING_DICT] = "dict",
};

static int sandboxes_show(struct seq_file *m, void *unused)
{
	struct medes_sandbox *sandbox;
	u32 id = 0;

	seq_puts(m, "id name domain function state pages working_set queued\n");
	while ((sandbox = medes_sandbox_next(&id))) {
		struct medes_account *account = sandbox->account;

		seq_printf(m, "%u %s %s %s %u %llu %lld %u\n", sandbox->id,
			   sandbox->name, sandbox->domain->name,
			   sandbox->function, READ_ONCE(sandbox->state),
			   medes_live_pages(account),
			   atomic64_read(&account->value[MEDES_A_STATS_WORKING_SET]),
			   READ_ONCE(sandbox->queue.count));
		medes_sandbox_put(sandbox);
		if (id++ == U32_MAX)
			break;
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sandboxes);

static int bases_show(struct seq_file *m, void *unused)
{
	struct medes_base *base;
	u64 id = 0;

	seq_puts(m, "id name domain function pages users bytes\n");
	while ((base = medes_base_next(&id))) {
		seq_printf(m, "%#llx %s %s %s %d %lld %llu\n", base->id,
			   base->name, base->domain->name, base->function,
			   atomic_read(&base->nr_pages),
			   atomic64_read(&base->users), medes_base_size(base));
		medes_base_put(base);
		id++;
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bases);

static int operations_show(struct seq_file *m, void *unused)
{
	struct medes_op *op;
	u32 id = 0;

	seq_puts(m, "id kind state sandbox total done stored lost error elapsed_ns\n");
	while ((op = medes_op_next(&id))) {
		seq_printf(m, "%u %u %u %u %llu %llu %llu %llu %d %llu\n",
			   op->id, op->kind, READ_ONCE(op->state),
			   op->sandbox_id, READ_ONCE(op->total),
			   READ_ONCE(op->done), READ_ONCE(op->stored),
			   READ_ONCE(op->lost), READ_ONCE(op->error),
			   READ_ONCE(op->elapsed_ns));
		medes_op_put(op);
		if (id++ == U32_MAX)
			break;
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(operations);

/* A column for each encoding, and perhaps one more. */
static void put_head(struct seq_file *m, const char *what, const char *more)
{
	seq_puts(m, what);
	for (int e = 0; e < MEDES_HIST_ENCODINGS; e++)
		seq_printf(m, " %s", encodings[e]);
	seq_printf(m, "%s\n", more);
}

static struct medes_hist *sum_up(void)
{
	struct medes_hist *hist = kmalloc_obj(*hist);

	if (hist)
		medes_hist_sum(hist);
	return hist;
}

static int latency_show(struct seq_file *m, void *unused)
{
	struct medes_hist *hist = sum_up();

	if (!hist)
		return -ENOMEM;
	put_head(m, "below_us", " read");
	for (int i = 0; i < MEDES_HIST_TIMES; i++) {
		if (i < MEDES_HIST_TIMES - 1)
			seq_printf(m, "%llu", BIT_ULL(i));
		else
			seq_puts(m, "more");
		for (int e = 0; e < MEDES_HIST_ENCODINGS; e++)
			seq_printf(m, " %llu", hist->fault[e][i]);
		seq_printf(m, " %llu\n", hist->read[i]);
	}
	kfree(hist);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

static int lengths_show(struct seq_file *m, void *unused)
{
	struct medes_hist *hist = sum_up();

	if (!hist)
		return -ENOMEM;
	put_head(m, "below_bytes", "");
	for (int i = 0; i < MEDES_HIST_LENGTHS; i++) {
		seq_printf(m, "%u", (i + 1) * MEDES_HIST_STEP);
		for (int e = 0; e < MEDES_HIST_ENCODINGS; e++)
			seq_printf(m, " %lld", hist->record[e][i]);
		seq_putc(m, '\n');
	}
	kfree(hist);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lengths);

/* A walk over device memory; what seq_file calls a position is 1 + a pfn. */
struct walk {
	int idx;
	unsigned long pfn;
};

static void *records_seek(struct walk *walk, loff_t *pos)
{
	walk->pfn = *pos - 1;
	if (!medes_devmem_seek(&walk->pfn))
		return NULL;
	*pos = walk->pfn + 1;
	return walk;
}

static void *records_start(struct seq_file *m, loff_t *pos)
{
	struct walk *walk = m->private;

	walk->idx = medes_devmem_enter();
	return *pos ? records_seek(walk, pos) : SEQ_START_TOKEN;
}

static void *records_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return records_seek(m->private, pos);
}

static void records_stop(struct seq_file *m, void *v)
{
	struct walk *walk = m->private;

	medes_devmem_leave(walk->idx);
}

static int records_show(struct seq_file *m, void *v)
{
	const struct medes_extent *extent;
	struct medes_record *record;
	struct walk *walk = v;
	struct page *page;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "sandbox encoding len base index lost\n");
		return 0;
	}
	page = pfn_to_page(walk->pfn);
	record = medes_devmem_lock(page);
	if (!record)
		return SEQ_SKIP;
	extent = record->extent;
	seq_printf(m, "%u %s %u %#llx %u %d\n", record->account->sandbox,
		   encodings[record->encoding], record->len,
		   extent ? extent->base->id : 0,
		   extent ? extent->first + record->slot : 0, record->lost);
	medes_devmem_unlock(page);
	return 0;
}

static const struct seq_operations records_ops = {
	.start = records_start,
	.next = records_next,
	.stop = records_stop,
	.show = records_show,
};

static int records_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &records_ops, sizeof(struct walk));
}

static const struct file_operations records_fops = {
	.owner = THIS_MODULE,
	.open = records_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/**
 * medes_debugfs_init() - make /sys/kernel/debug/medes
 *
 * Context: module init, when there is something to show. No failure: who has
 * no debugfs has no use for it.
 */
void __init medes_debugfs_init(void)
{
	dir = debugfs_create_dir("medes", NULL);
	debugfs_create_file("sandboxes", 0400, dir, NULL, &sandboxes_fops);
	debugfs_create_file("bases", 0400, dir, NULL, &bases_fops);
	debugfs_create_file("operations", 0400, dir, NULL, &operations_fops);
	debugfs_create_file("records", 0400, dir, NULL, &records_fops);
	debugfs_create_file("latency", 0400, dir, NULL, &latency_fops);
	debugfs_create_file("lengths", 0400, dir, NULL, &lengths_fops);
	medes_inject_init(dir);
}

/**
 * medes_debugfs_exit() - remove it
 *
 * Context: module exit, before what it shows; waits for readers.
 */
void medes_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
