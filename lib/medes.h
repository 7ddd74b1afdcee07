/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmedes: what medesd and medesctl share. It is built once, by lib/Makefile,
 * into libmedes.a: the netlink client (nl.c), the messages as C structures
 * (parse.c), one function per operation (ops.c), their JSON form (json.c), names
 * and units for people (text.c), what /proc says about a process (proc.c).
 */
#ifndef MEDES_H
#define MEDES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/medes.h>

#define MEDES_VERSION "0.1"

#define MEDES_SOCKET "/run/medes/medesd.sock"
#define MEDES_STATE "/var/lib/medes"

#define MEDES_NAME_SIZE (MEDES_NAME_MAX + 1)
#define MEDES_SKETCH (MEDES_SKETCH_LEN / sizeof(uint64_t))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Indexed by MEDES_A_STATS_*; what an older module does not know stays 0. */
struct medes_stats {
	uint64_t v[MEDES_A_STATS_MAX + 1];
};

struct medes_features {
	uint64_t instance;
	uint32_t page_size;
	uint32_t encodings;		/* bit per MEDES_ENCODING_* */
	uint64_t chunk_bytes;
	uint64_t max_device_pages;
	uint64_t max_base_bytes;
	uint64_t max_record_bytes;
	struct medes_stats stats;
	uint32_t modes;			/* bit per MEDES_MODE_* */
	uint32_t record_format;
	uint32_t sketch_format;
};

struct medes_process {
	uint32_t pid;
	uint32_t mm;
	uint64_t start_time;		/* clock ticks since boot */
};

struct medes_sandbox {
	uint32_t id;
	uint32_t state;			/* MEDES_SANDBOX_STATE_* */
	char name[MEDES_NAME_SIZE];
	char domain[MEDES_NAME_SIZE];
	char function[MEDES_NAME_SIZE];
	struct medes_process *processes;
	size_t n_processes;
	struct medes_stats stats;
};

/* A node that has the pages of an imported base. */
struct medes_replica {
	uint32_t peer;
	uint32_t state;			/* MEDES_REPLICA_STATE_* */
	uint64_t base;			/* its id there */
	uint64_t generation;
};

struct medes_base {
	uint64_t id;
	char name[MEDES_NAME_SIZE];
	char domain[MEDES_NAME_SIZE];
	char function[MEDES_NAME_SIZE];
	uint32_t pages;
	uint32_t used_pages;
	uint64_t users;
	uint64_t bytes;
	uint64_t generation;		/* of its export; 0: not exported */
	uint32_t leases;
	uint32_t cached;		/* of an imported one */
	size_t n_replicas;		/* 0: its pages are here */
	struct medes_replica replicas[MEDES_REPLICAS_MAX];
};

/* One entry of a scan. */
struct medes_page {
	uint32_t mm;
	bool huge;
	uint64_t address;
	uint64_t hash;
	uint64_t sketch[MEDES_SKETCH];
};

struct medes_base_page {
	uint32_t index;
	uint32_t users;
	uint64_t hash;
	uint64_t sketch[MEDES_SKETCH];
};

/* One page to store; base 0: no base page. */
struct medes_target {
	uint64_t address;
	uint64_t base;
	uint32_t index;
};

struct medes_op {
	uint32_t id;
	uint32_t kind;			/* MEDES_OP_KIND_* */
	uint32_t state;			/* MEDES_OP_STATE_* */
	uint32_t sandbox;
	uint32_t mm;
	int32_t error;			/* negative errno or 0 */
	uint64_t base;
	uint64_t total;
	uint64_t done;
	uint64_t stored;
	uint64_t lost;
	bool working_set;		/* restore: not all pages */
	uint64_t elapsed_ns;
	uint32_t mode;			/* MEDES_MODE_* */
};

struct medes_loss {
	uint32_t sandbox;
	uint32_t encoding;
	uint32_t index;
	uint32_t reason;
	uint64_t address;
	uint64_t base;
};

/* What is kept of a page; encoding and what follows only for MEDES_PLACE_RECORD. */
struct medes_record {
	uint32_t sandbox;
	uint32_t mm;
	uint64_t address;
	uint32_t place;			/* MEDES_PLACE_* */
	uint32_t encoding;
	uint32_t len;
	uint32_t index;
	uint64_t base;			/* 0: none */
	bool lost;
};

struct medes_sandboxes {
	struct medes_sandbox *v;
	size_t n;
};

struct medes_bases {
	struct medes_base *v;
	size_t n;
};

struct medes_op_list {
	struct medes_op *v;
	size_t n;
};

static inline bool medes_op_ended(const struct medes_op *op)
{
	return op->state >= MEDES_OP_STATE_DONE;
}

/* Pages that are deduplicated now. */
uint64_t medes_stats_pages(const struct medes_stats *stats);

/* Frees what a sandbox owns, not the sandbox. */
void medes_sandbox_clear(struct medes_sandbox *sandbox);

#endif /* MEDES_H */
