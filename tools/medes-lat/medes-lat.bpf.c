// SPDX-License-Identifier: GPL-2.0
/*
 * In the kernel: each fault on a deduplicated page goes into a histogram.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "medes-lat.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LAT_KEYS);
	__type(key, struct lat_key);
	__type(value, struct lat_hist);
} hists SEC(".maps");

const volatile unsigned int only_sandbox;	/* 0: all */
unsigned long long dropped;

static const struct lat_hist empty;

static struct lat_hist *hist_of(const struct lat_key *key)
{
	struct lat_hist *hist = bpf_map_lookup_elem(&hists, key);

	if (hist)
		return hist;
	/* somebody else may be first */
	bpf_map_update_elem(&hists, key, &empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&hists, key);
}

static unsigned int slot_of(u64 ns)
{
	unsigned int slot = 0;

	for (unsigned int step = 32; step; step /= 2) {
		if (ns >> step) {
			ns >>= step;
			slot += step;
		}
	}
	return slot < LAT_SLOTS ? slot : LAT_SLOTS - 1;
}

SEC("tp_btf/medes_fault")
int BPF_PROG(on_fault, u32 sandbox, unsigned long address, u8 encoding, u8 place,
	     unsigned int window, unsigned int brought, u64 ns, int result)
{
	struct lat_key key = { .sandbox = sandbox, .encoding = encoding, .place = place };
	struct lat_hist *hist;
	unsigned int slot;

	if (only_sandbox && sandbox != only_sandbox)
		return 0;
	hist = hist_of(&key);
	if (!hist) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	slot = slot_of(ns);
	__sync_fetch_and_add(&hist->faults, 1);
	__sync_fetch_and_add(&hist->pages, brought);
	__sync_fetch_and_add(&hist->ns, ns);
	if (!brought)
		__sync_fetch_and_add(&hist->failed, 1);
	if (slot < LAT_SLOTS)
		__sync_fetch_and_add(&hist->slot[slot], 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
