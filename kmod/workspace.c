// SPDX-License-Identifier: GPL-2.0
/*
 * Workspaces: the memory of the codec, one set for each CPU.
 *
 * A decoder is 200 KiB, most of it zstd's. It is used with preemption off, for
 * some microseconds, in faults too, so it has to be there: it is made when the
 * module is loaded, and for a CPU that appears later before it runs anything.
 *
 * An encoder is as large and is used for up to some hundred microseconds, by
 * workers, which may sleep: a mutex guards it, so that nobody loses the
 * processor to it. A worker takes the one of the CPU that it is on, and keeps
 * it wherever it goes on. It is made before the first operation on that CPU
 * takes a page.
 */
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "codec.h"
#include "pack.h"
#include "workspace.h"

/**
 * struct medes_encoder - memory to encode in
 * @lock: one user at a time
 * @ws: for the codec; NULL until first use
 * @base: MEDES_NEAR pages, for base pages that are packed
 * @check: what the record just made gives back
 */
struct medes_encoder {
	struct mutex lock;	/* all below */
	struct medes_workspace *ws;
	u8 *base;
	u8 *check;
};

static struct medes_encoder __percpu *encoders;
static struct medes_decoder __percpu *decoders;
static int hotplug_state;

static int prepare_cpu(unsigned int cpu)
{
	struct medes_decoder *decoder = per_cpu_ptr(decoders, cpu);
	void *mem;

	if (decoder->codec)
		return 0;	/* it was here before */
	mem = kvmalloc_node(medes_scratch_size() + MEDES_NEAR * PAGE_SIZE + MEDES_PATCH_MAX,
			    GFP_KERNEL, cpu_to_node(cpu));
	if (!mem)
		return -ENOMEM;
	decoder->base = mem + medes_scratch_size();
	decoder->bytes = decoder->base + MEDES_NEAR * PAGE_SIZE;
	decoder->codec = medes_scratch_init(mem);
	if (decoder->codec)
		return 0;
	kvfree(mem);
	return -ENOMEM;
}

static int make_encoder(struct medes_encoder *encoder)
{
	void *mem = kvmalloc(medes_workspace_size() + (MEDES_NEAR + 1) * PAGE_SIZE, GFP_KERNEL);

	lockdep_assert_held(&encoder->lock);
	if (!mem)
		return -ENOMEM;
	encoder->base = mem + medes_workspace_size();
	encoder->check = encoder->base + MEDES_NEAR * PAGE_SIZE;
	encoder->ws = medes_workspace_init(mem);
	if (encoder->ws)
		return 0;
	kvfree(mem);
	return -ENOMEM;
}

/**
 * medes_encoder_get() - have an encoder for oneself
 *
 * To be followed by medes_encoder_put(), soon: who comes next on this CPU waits.
 *
 * Context: may sleep.
 * Return: the encoder, or NULL without memory.
 */
struct medes_encoder *medes_encoder_get(void)
{
	struct medes_encoder *encoder = raw_cpu_ptr(encoders);

	mutex_lock(&encoder->lock);
	if (encoder->ws || !make_encoder(encoder))
		return encoder;
	mutex_unlock(&encoder->lock);
	return NULL;
}

/**
 * medes_encoder_put() - let others have it
 * @encoder: from medes_encoder_get(); what it made is gone
 *
 * Context: process.
 */
void medes_encoder_put(struct medes_encoder *encoder)
{
	mutex_unlock(&encoder->lock);
}

/* Does the record just made give the page back? */
static bool comes_back(struct medes_encoder *encoder, const void *page,
		       struct medes_bases bases,
		       const struct medes_coded *coded)
{
	struct medes_decoder *decoder;
	int err;

	for (u32 i = 0; i < MEDES_NEAR; i++)
		if (!(coded->reach >> i & 1))
			bases.page[i] = NULL;
	decoder = medes_decoder_get();
	err = medes_decode(decoder->codec, coded->encoding, coded->data, coded->len,
			   &bases, encoder->check);
	medes_decoder_put(decoder);
	return !err && !memcmp(encoder->check, page, PAGE_SIZE);
}

/**
 * medes_encoder_run() - make a record that is known to give the page back
 * @encoder: from medes_encoder_get()
 * @mode: what the record may cost to decode
 * @page: PAGE_SIZE bytes that nobody writes meanwhile
 * @extent: of the base page to refer to, that cannot go; or NULL
 * @slot: of the base page
 * @coded: receives the record, which is there until medes_encoder_put()
 *
 * Context: may sleep; does not.
 * Return: length of the record, -E2BIG when none pays, -EILSEQ when the record
 * does not give the page back.
 */
int medes_encoder_run(struct medes_encoder *encoder, enum medes_mode mode,
		      const void *page, struct medes_extent *extent, u32 slot,
		      struct medes_coded *coded)
{
	struct medes_bases bases = { };
	int len;

	/* which raw base pages outlive */
	rcu_read_lock();
	if (extent)
		medes_extent_look(extent, slot, &bases, encoder->base);
	len = medes_encode(encoder->ws, mode, page, &bases, coded);
	if (len >= 0 && !comes_back(encoder, page, bases, coded))
		len = -EILSEQ;
	rcu_read_unlock();
	if (len == -EILSEQ)
		pr_err_once("medes: a page does not come back as it was encoded; it stays\n");
	return len;
}

/**
 * medes_decoder_get() - have this CPU's memory to decode in
 *
 * Context: any but interrupts; preemption is off until medes_decoder_put().
 * Return: the decoder.
 */
struct medes_decoder *medes_decoder_get(void)
{
	local_lock(&decoders->lock);
	return this_cpu_ptr(decoders);
}

/**
 * medes_decoder_put() - done with it
 * @decoder: from medes_decoder_get()
 *
 * Context: after medes_decoder_get().
 */
void medes_decoder_put(struct medes_decoder *decoder)
{
	local_unlock(&decoders->lock);
}

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kvfree(per_cpu_ptr(encoders, cpu)->ws);
		kvfree(per_cpu_ptr(decoders, cpu)->codec);
	}
	free_percpu(encoders);
	free_percpu(decoders);
}

/**
 * medes_workspace_init_all() - make what decoding needs
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_workspace_init_all(void)
{
	int cpu, err;

	encoders = alloc_percpu(struct medes_encoder);
	if (!encoders)
		return -ENOMEM;
	decoders = alloc_percpu(struct medes_decoder);
	if (!decoders) {
		free_percpu(encoders);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		mutex_init(&per_cpu_ptr(encoders, cpu)->lock);
		local_lock_init(&per_cpu_ptr(decoders, cpu)->lock);
	}
	err = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "medes:prepare",
				prepare_cpu, NULL);
	if (err < 0) {
		free_all();
		return err;
	}
	hotplug_state = err;
	return 0;
}

/**
 * medes_workspace_exit_all() - give it back
 *
 * Context: module exit; nothing encodes or decodes any more.
 */
void medes_workspace_exit_all(void)
{
	cpuhp_remove_state(hotplug_state);
	free_all();
}
