/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What nodes say to each other: Documentation/wire-protocol.rst, as structures,
 * and the checks that everything from a peer has to pass.
 */
#ifndef MEDES_WIRE_H
#define MEDES_WIRE_H

#include "pure.h"

#ifndef __KERNEL__
#include <linux/types.h>
#endif

#define MEDES_WIRE_MAGIC 0x5344454d	/* "MEDS" */
#define MEDES_WIRE_VERSION 1

#define MEDES_WIRE_SECRET 32	/* bytes of nonces, tokens and codes */
#define MEDES_WIRE_CLUSTER 16
#define MEDES_WIRE_NAME 64
#define MEDES_WIRE_TOKENS 4	/* data connections of a session, at most */

#define MEDES_WIRE_EXTENT 512	/* pages in an extent, at most */
#define MEDES_WIRE_TABLE (2U << 20)	/* bytes of a table, at most */

enum medes_wire_kind {
	MEDES_WIRE_CONTROL = 1,
	MEDES_WIRE_DATA,
};

/* Why a connection is refused, and the status of an answer; 0 is yes. */
enum medes_wire_status {
	MEDES_WIRE_OK,
	MEDES_WIRE_BAD_VERSION,
	MEDES_WIRE_BAD_CLUSTER,
	MEDES_WIRE_BAD_KEY,
	MEDES_WIRE_BAD_TOKEN,
	MEDES_WIRE_MALFORMED,
	MEDES_WIRE_NO_BASE,	/* not exported, or another generation of it */
	MEDES_WIRE_BUSY,	/* no memory, or on its way out: try again */
	MEDES_WIRE_STATUS_MAX,
};

/* Private data of a request to connect; all there is room for. */
struct medes_wire_hello {
	__le32 magic;
	__le16 version;
	__le16 kind;
	u8 cluster[MEDES_WIRE_CLUSTER];
	u8 secret[MEDES_WIRE_SECRET];	/* control: nonce; data: token */
};

static_assert(sizeof(struct medes_wire_hello) == 56);

/* Private data with which the owner accepts a control connection. */
struct medes_wire_welcome {
	__le32 magic;
	__le16 version;
	__le16 zero;
	u8 nonce[MEDES_WIRE_SECRET];
	u8 code[MEDES_WIRE_SECRET];
};

static_assert(sizeof(struct medes_wire_welcome) == 72);

/* Private data with which it refuses any. */
struct medes_wire_refusal {
	__le32 magic;
	__le16 version;
	__le16 status;
};

static_assert(sizeof(struct medes_wire_refusal) == 8);

/* On a control connection: requests of the reader, odd; answers, one more. */
enum medes_wire_type {
	MEDES_WIRE_PROVE = 1,
	MEDES_WIRE_ADMIT,
	MEDES_WIRE_LEASE,
	MEDES_WIRE_GRANT,
	MEDES_WIRE_RELEASE,
	MEDES_WIRE_RELEASED,
	MEDES_WIRE_PING,
	MEDES_WIRE_PONG,
	MEDES_WIRE_TYPE_MAX,
};

struct medes_wire_prove {
	u8 code[MEDES_WIRE_SECRET];
	__le64 node;
	char name[MEDES_WIRE_NAME];	/* ends with zeros, at least one */
};

struct medes_wire_admit {
	__le64 node;
	__le32 lease_ms;
	__le32 tokens;
	char name[MEDES_WIRE_NAME];
	u8 token[MEDES_WIRE_TOKENS][MEDES_WIRE_SECRET];
};

/* LEASE and RELEASE; a lease is renewed by asking for it again. */
struct medes_wire_lease {
	__le64 base;
	__le64 generation;
};

struct medes_wire_grant {
	__le64 base;
	__le64 generation;
	__le64 iova;		/* of the table */
	__le32 rkey;
	__le32 len;
	__le64 checksum;	/* xxHash64 of the table, seed 0 */
};

struct medes_wire_message {
	__le16 type;
	__le16 status;
	__le32 sequence;	/* of the request, and of its answer */
	union {
		struct medes_wire_prove prove;
		struct medes_wire_admit admit;
		struct medes_wire_lease lease;
		struct medes_wire_grant grant;
		u8 pad[232];
	};
};

static_assert(sizeof(struct medes_wire_message) == 240);

/* The table of an exported base, read by RDMA: head, extents, pages. */
struct medes_wire_table {
	__le32 magic;
	__le16 version;
	__le16 zero;
	__le64 base;
	__le64 generation;
	__le32 extents;
	__le32 pages;
};

static_assert(sizeof(struct medes_wire_table) == 32);

struct medes_wire_extent {
	__le64 iova;
	__le32 rkey;
	__le32 pages;		/* that follow those of the extent before */
};

static_assert(sizeof(struct medes_wire_extent) == 16);

struct medes_wire_page {
	__le64 hash;		/* xxHash64, seeded for the domain */
	__le32 index;
	__le32 zero;
};

static_assert(sizeof(struct medes_wire_page) == 16);

enum medes_wire_status medes_wire_check_hello(const void *data, size_t len,
					      const u8 *cluster);
int medes_wire_check_welcome(const void *data, size_t len);
int medes_wire_check_refusal(const void *data, size_t len);
int medes_wire_check_message(const void *data, size_t len);
int medes_wire_check_table(const void *data, size_t len, u64 base,
			   u64 generation);

static inline size_t medes_wire_table_size(u32 extents, u32 pages)
{
	return sizeof(struct medes_wire_table) +
	       extents * sizeof(struct medes_wire_extent) +
	       pages * sizeof(struct medes_wire_page);
}

static inline const struct medes_wire_extent *
medes_wire_extents(const struct medes_wire_table *table)
{
	return (const void *)(table + 1);
}

static inline const struct medes_wire_page *
medes_wire_pages(const struct medes_wire_table *table)
{
	return (const void *)(medes_wire_extents(table) +
			      get_unaligned_le32(&table->extents));
}

#endif /* MEDES_WIRE_H */
