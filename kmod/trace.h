/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: what happens to sandboxes, operations and pages. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM medes

#if !defined(MEDES_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEDES_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/medes.h>
#include "base.h"

/* User space that reads raw events learns the numbers behind the names. */
TRACE_DEFINE_ENUM(MEDES_ENCODING_ZERO);
TRACE_DEFINE_ENUM(MEDES_ENCODING_SAME);
TRACE_DEFINE_ENUM(MEDES_ENCODING_WORDS);
TRACE_DEFINE_ENUM(MEDES_ENCODING_SELF);
TRACE_DEFINE_ENUM(MEDES_ENCODING_DICT);
TRACE_DEFINE_ENUM(MEDES_BASE_NONE);
TRACE_DEFINE_ENUM(MEDES_BASE_LOCAL);
TRACE_DEFINE_ENUM(MEDES_BASE_REMOTE);
TRACE_DEFINE_ENUM(MEDES_SANDBOX_STATE_WARM);
TRACE_DEFINE_ENUM(MEDES_SANDBOX_STATE_DEDUPLICATING);
TRACE_DEFINE_ENUM(MEDES_SANDBOX_STATE_DEDUP);
TRACE_DEFINE_ENUM(MEDES_SANDBOX_STATE_RESTORING);
TRACE_DEFINE_ENUM(MEDES_SANDBOX_STATE_LOST);
TRACE_DEFINE_ENUM(MEDES_SANDBOX_STATE_DEAD);
TRACE_DEFINE_ENUM(MEDES_OP_KIND_DEDUP);
TRACE_DEFINE_ENUM(MEDES_OP_KIND_DEMARCATE);
TRACE_DEFINE_ENUM(MEDES_OP_KIND_RESTORE);
TRACE_DEFINE_ENUM(MEDES_OP_KIND_RESTORE_ALL);
TRACE_DEFINE_ENUM(MEDES_OP_KIND_SETTLE);
TRACE_DEFINE_ENUM(MEDES_OP_KIND_COPY);
TRACE_DEFINE_ENUM(MEDES_LOSS_REASON_MALFORMED);
TRACE_DEFINE_ENUM(MEDES_LOSS_REASON_CHECKSUM);
TRACE_DEFINE_ENUM(MEDES_LOSS_REASON_UNREACHABLE);
TRACE_DEFINE_ENUM(MEDES_PEER_STATE_CONNECTING);
TRACE_DEFINE_ENUM(MEDES_PEER_STATE_UP);
TRACE_DEFINE_ENUM(MEDES_PEER_STATE_DOWN);
TRACE_DEFINE_ENUM(MEDES_PEER_STATE_REFUSED);

#define medes_show_encoding(value)				\
	__print_symbolic(value,					\
		{ MEDES_ENCODING_ZERO, "zero" },		\
		{ MEDES_ENCODING_SAME, "same" },		\
		{ MEDES_ENCODING_WORDS, "words" },		\
		{ MEDES_ENCODING_SELF, "self" },		\
		{ MEDES_ENCODING_DICT, "dict" })

#define medes_show_place(value)					\
	__print_symbolic(value,					\
		{ MEDES_BASE_NONE, "none" },			\
		{ MEDES_BASE_LOCAL, "local" },			\
		{ MEDES_BASE_REMOTE, "remote" })

#define medes_show_state(value)						\
	__print_symbolic(value,						\
		{ MEDES_SANDBOX_STATE_WARM, "warm" },			\
		{ MEDES_SANDBOX_STATE_DEDUPLICATING, "deduplicating" },	\
		{ MEDES_SANDBOX_STATE_DEDUP, "dedup" },			\
		{ MEDES_SANDBOX_STATE_RESTORING, "restoring" },		\
		{ MEDES_SANDBOX_STATE_LOST, "lost" },			\
		{ MEDES_SANDBOX_STATE_DEAD, "dead" })

#define medes_show_kind(value)					\
	__print_symbolic(value,					\
		{ MEDES_OP_KIND_DEDUP, "dedup" },		\
		{ MEDES_OP_KIND_DEMARCATE, "demarcate" },	\
		{ MEDES_OP_KIND_RESTORE, "restore" },		\
		{ MEDES_OP_KIND_RESTORE_ALL, "restore-all" },	\
		{ MEDES_OP_KIND_SETTLE, "settle" },		\
		{ MEDES_OP_KIND_COPY, "copy" })

#define medes_show_peer_state(value)				\
	__print_symbolic(value,					\
		{ MEDES_PEER_STATE_CONNECTING, "connecting" },	\
		{ MEDES_PEER_STATE_UP, "up" },			\
		{ MEDES_PEER_STATE_DOWN, "down" },		\
		{ MEDES_PEER_STATE_REFUSED, "refused" })

#define medes_show_reason(value)				\
	__print_symbolic(value,					\
		{ MEDES_LOSS_REASON_MALFORMED, "malformed" },	\
		{ MEDES_LOSS_REASON_CHECKSUM, "checksum" },	\
		{ MEDES_LOSS_REASON_UNREACHABLE, "unreachable" })

TRACE_EVENT(medes_sandbox_state,

	TP_PROTO(u32 id, const char *name, u32 from, u32 to),

	TP_ARGS(id, name, from, to),

	TP_STRUCT__entry(
		__field(u32, id)
		__string(name, name)
		__field(u32, from)
		__field(u32, to)
	),

	TP_fast_assign(
		__entry->id = id;
		__assign_str(name);
		__entry->from = from;
		__entry->to = to;
	),

	TP_printk("sandbox=%u name=%s from=%s to=%s",
		  __entry->id, __get_str(name),
		  medes_show_state(__entry->from),
		  medes_show_state(__entry->to))
);

TRACE_EVENT(medes_op_begin,

	TP_PROTO(u32 id, u32 kind, u32 sandbox, unsigned int targets),

	TP_ARGS(id, kind, sandbox, targets),

	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, kind)
		__field(u32, sandbox)
		__field(unsigned int, targets)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->kind = kind;
		__entry->sandbox = sandbox;
		__entry->targets = targets;
	),

	TP_printk("op=%u kind=%s sandbox=%u targets=%u",
		  __entry->id,
		  medes_show_kind(__entry->kind),
		  __entry->sandbox, __entry->targets)
);

TRACE_EVENT(medes_op_end,

	TP_PROTO(u32 id, u32 kind, u32 sandbox, u64 done, u64 stored, int error,
		 u64 ns),

	TP_ARGS(id, kind, sandbox, done, stored, error, ns),

	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, kind)
		__field(u64, done)
		__field(u64, stored)
		__field(u64, ns)
		__field(u32, sandbox)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->kind = kind;
		__entry->done = done;
		__entry->stored = stored;
		__entry->ns = ns;
		__entry->sandbox = sandbox;
		__entry->error = error;
	),

	TP_printk("op=%u kind=%s sandbox=%u done=%llu stored=%llu error=%d ns=%llu",
		  __entry->id,
		  medes_show_kind(__entry->kind),
		  __entry->sandbox, __entry->done, __entry->stored,
		  __entry->error, __entry->ns)
);

/* A page became a record. */
TRACE_EVENT(medes_store,

	TP_PROTO(u32 sandbox, unsigned long address, u8 encoding, u16 len,
		 u64 base, u32 index),

	TP_ARGS(sandbox, address, encoding, len, base, index),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, base)
		__field(u32, index)
		__field(u32, sandbox)
		__field(u16, len)
		__field(u8, encoding)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->base = base;
		__entry->index = index;
		__entry->sandbox = sandbox;
		__entry->len = len;
		__entry->encoding = encoding;
	),

	TP_printk("sandbox=%u address=0x%lx encoding=%s len=%u base=0x%llx index=%u",
		  __entry->sandbox, __entry->address,
		  medes_show_encoding(__entry->encoding),
		  __entry->len, __entry->base, __entry->index)
);

/* A page was touched, and came back with its neighbours. */
TRACE_EVENT(medes_fault,

	TP_PROTO(u32 sandbox, unsigned long address, u8 encoding, u8 place,
		 unsigned int window, unsigned int brought, u64 ns, int result),

	TP_ARGS(sandbox, address, encoding, place, window, brought, ns, result),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, ns)
		__field(u32, sandbox)
		__field(unsigned int, window)
		__field(unsigned int, brought)
		__field(int, result)
		__field(u8, encoding)
		__field(u8, place)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->ns = ns;
		__entry->sandbox = sandbox;
		__entry->window = window;
		__entry->brought = brought;
		__entry->result = result;
		__entry->encoding = encoding;
		__entry->place = place;
	),

	TP_printk("sandbox=%u address=0x%lx encoding=%s base=%s window=%u brought=%u ns=%llu result=%d",
		  __entry->sandbox, __entry->address,
		  medes_show_encoding(__entry->encoding),
		  medes_show_place(__entry->place),
		  __entry->window, __entry->brought, __entry->ns,
		  __entry->result)
);

/* Pages came back in bulk. */
TRACE_EVENT(medes_restore,

	TP_PROTO(u32 sandbox, unsigned long address, unsigned int pages,
		 u64 ns),

	TP_ARGS(sandbox, address, pages, ns),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, ns)
		__field(u32, sandbox)
		__field(unsigned int, pages)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->ns = ns;
		__entry->sandbox = sandbox;
		__entry->pages = pages;
	),

	TP_printk("sandbox=%u address=0x%lx pages=%u ns=%llu",
		  __entry->sandbox, __entry->address, __entry->pages,
		  __entry->ns)
);

/* A page could not be rebuilt. */
TRACE_EVENT(medes_loss,

	TP_PROTO(u32 sandbox, unsigned long address, u8 encoding, u64 base,
		 u32 index, u32 reason),

	TP_ARGS(sandbox, address, encoding, base, index, reason),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, base)
		__field(u32, index)
		__field(u32, sandbox)
		__field(u32, reason)
		__field(u8, encoding)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->base = base;
		__entry->index = index;
		__entry->sandbox = sandbox;
		__entry->reason = reason;
		__entry->encoding = encoding;
	),

	TP_printk("sandbox=%u address=0x%lx encoding=%s base=0x%llx index=%u reason=%s",
		  __entry->sandbox, __entry->address,
		  medes_show_encoding(__entry->encoding),
		  __entry->base, __entry->index,
		  medes_show_reason(__entry->reason))
);

/* A node came or went. */
TRACE_EVENT(medes_peer,

	TP_PROTO(u32 id, u32 state, int error),

	TP_ARGS(id, state, error),

	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, state)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->id = id;
		__entry->state = state;
		__entry->error = error;
	),

	TP_printk("peer=%u state=%s error=%d",
		  __entry->id, medes_show_peer_state(__entry->state),
		  __entry->error)
);

/* Pages are being read from another node. */
TRACE_EVENT(medes_read_post,

	TP_PROTO(u32 peer, unsigned int pages, unsigned int reads),

	TP_ARGS(peer, pages, reads),

	TP_STRUCT__entry(
		__field(u32, peer)
		__field(unsigned int, pages)
		__field(unsigned int, reads)
	),

	TP_fast_assign(
		__entry->peer = peer;
		__entry->pages = pages;
		__entry->reads = reads;
	),

	TP_printk("peer=%u pages=%u reads=%u",
		  __entry->peer, __entry->pages, __entry->reads)
);

/* They have been, or not; status is enum ib_wc_status. */
TRACE_EVENT(medes_read_done,

	TP_PROTO(u32 peer, unsigned int pages, int status, u64 ns),

	TP_ARGS(peer, pages, status, ns),

	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, peer)
		__field(unsigned int, pages)
		__field(int, status)
	),

	TP_fast_assign(
		__entry->ns = ns;
		__entry->peer = peer;
		__entry->pages = pages;
		__entry->status = status;
	),

	TP_printk("peer=%u pages=%u status=%d ns=%llu",
		  __entry->peer, __entry->pages, __entry->status,
		  __entry->ns)
);

/* And will be again. */
TRACE_EVENT(medes_read_retry,

	TP_PROTO(u64 base, unsigned int pages, int error),

	TP_ARGS(base, pages, error),

	TP_STRUCT__entry(
		__field(u64, base)
		__field(unsigned int, pages)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->base = base;
		__entry->pages = pages;
		__entry->error = error;
	),

	TP_printk("base=0x%llx pages=%u error=%d",
		  __entry->base, __entry->pages, __entry->error)
);

#endif /* MEDES_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
