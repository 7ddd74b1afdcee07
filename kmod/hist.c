// SPDX-License-Identifier: GPL-2.0
/*
 * Histograms. Each CPU counts for itself, and who reads adds up; a record may
 * be freed on another CPU than it was made on, so a part may be negative while
 * the sum is not.
 */
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/time64.h>
#include "hist.h"

static struct medes_hist __percpu *hist;

static unsigned int bucket(u64 ns)
{
	return min_t(unsigned int, fls64(div_u64(ns, NSEC_PER_USEC)),
		     MEDES_HIST_TIMES - 1);
}

/**
 * medes_hist_fault() - a touched page came back
 * @encoding: of its record
 * @ns: how long the fault took
 *
 * Context: any.
 */
void medes_hist_fault(u8 encoding, u64 ns)
{
	this_cpu_inc(hist->fault[encoding][bucket(ns)]);
}

/**
 * medes_hist_read() - a batch of pages came from another node
 * @ns: how long that took
 *
 * Context: any.
 */
void medes_hist_read(u64 ns)
{
	this_cpu_inc(hist->read[bucket(ns)]);
}

/**
 * medes_hist_record() - there is one record more, or less
 * @encoding: its
 * @len: encoded bytes
 * @sign: 1 or -1
 *
 * Context: any.
 */
void medes_hist_record(u8 encoding, unsigned int len, int sign)
{
	this_cpu_add(hist->record[encoding][len / MEDES_HIST_STEP], sign);
}

/**
 * medes_hist_sum() - add up
 * @sum: receives the histograms
 *
 * Context: any.
 */
void medes_hist_sum(struct medes_hist *sum)
{
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct medes_hist *h = per_cpu_ptr(hist, cpu);

		for (int i = 0; i < MEDES_HIST_TIMES; i++)
			sum->read[i] += READ_ONCE(h->read[i]);
		for (int e = 0; e < MEDES_HIST_ENCODINGS; e++) {
			for (int i = 0; i < MEDES_HIST_TIMES; i++)
				sum->fault[e][i] += READ_ONCE(h->fault[e][i]);
			for (int i = 0; i < MEDES_HIST_LENGTHS; i++)
				sum->record[e][i] += READ_ONCE(h->record[e][i]);
		}
	}
}

/**
 * medes_hist_init() - begin to count
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_hist_init(void)
{
	hist = alloc_percpu(struct medes_hist);
	return hist ? 0 : -ENOMEM;
}

/**
 * medes_hist_exit() - the end of counting
 *
 * Context: module exit; there are no records.
 */
void medes_hist_exit(void)
{
	free_percpu(hist);
}
