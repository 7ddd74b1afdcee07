/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module's operations, one function each. All block until the kernel has
 * answered, return 0 or a negative errno, and then say why in nl->error.
 */
#ifndef MEDES_OPS_H
#define MEDES_OPS_H

#include "nl.h"

int medes_features_get(struct medes_nl *nl, struct medes_features *out);

int medes_sandbox_new(struct medes_nl *nl, const char *name, const char *domain,
		      const char *function, const struct medes_process *processes, size_t n,
		      struct medes_sandbox *out);
int medes_sandbox_attach(struct medes_nl *nl, uint32_t id, const struct medes_process *processes,
			 size_t n);
int medes_sandbox_del(struct medes_nl *nl, uint32_t id);
int medes_sandbox_get(struct medes_nl *nl, uint32_t id, struct medes_sandbox *out);
int medes_sandbox_find(struct medes_nl *nl, const char *name, struct medes_sandbox *out);
int medes_sandbox_list(struct medes_nl *nl, struct medes_sandboxes *out);
void medes_sandboxes_clear(struct medes_sandboxes *list);

int medes_base_new(struct medes_nl *nl, const char *name, const char *domain,
		   const char *function, struct medes_base *out);
int medes_base_del(struct medes_nl *nl, uint64_t id);
int medes_base_list(struct medes_nl *nl, struct medes_bases *out);
void medes_bases_clear(struct medes_bases *list);

int medes_dedup(struct medes_nl *nl, uint32_t sandbox, uint32_t mm,
		const struct medes_target *targets, size_t n, uint32_t *op);
int medes_dedup_mode(struct medes_nl *nl, uint32_t mode, uint32_t sandbox, uint32_t mm,
		     const struct medes_target *targets, size_t n, uint32_t *op);
int medes_demarcate(struct medes_nl *nl, uint32_t sandbox, uint32_t mm, uint64_t base,
		    const struct medes_target *targets, size_t n, uint32_t *op);
int medes_settle(struct medes_nl *nl, uint32_t sandbox, uint32_t *op);
int medes_pack(struct medes_nl *nl, uint64_t base, uint32_t mode, uint32_t *op);
int medes_restore(struct medes_nl *nl, uint32_t sandbox, uint32_t *op);
int medes_restore_set(struct medes_nl *nl, uint32_t sandbox, uint32_t *op);
int medes_op_get(struct medes_nl *nl, uint32_t id, struct medes_op *out);
int medes_op_list(struct medes_nl *nl, struct medes_op_list *out);
void medes_op_list_clear(struct medes_op_list *list);
int medes_op_cancel(struct medes_nl *nl, uint32_t id);

/* mm 0: the sandbox's first address space */
int medes_record_get(struct medes_nl *nl, uint32_t sandbox, uint32_t mm, uint64_t address,
		     struct medes_record *out);

/* Requests of long dumps, to be sent and read piece by piece. */
struct nl_msg *medes_scan_message(struct medes_nl *nl, uint32_t sandbox);
struct nl_msg *medes_base_page_message(struct medes_nl *nl, uint64_t base, uint32_t index);

#endif /* MEDES_OPS_H */
