/* SPDX-License-Identifier: GPL-2.0 */
/* A domain (tenant): pages are shared inside one, never between two. */
#ifndef MEDES_DOMAIN_H
#define MEDES_DOMAIN_H

#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/medes.h>

/**
 * struct medes_domain - a tenant
 * @node: in the list of domains, under the lock of domain.c
 * @users: sandboxes and bases, under the same lock
 * @seed: of its hashes, so that two domains cannot match by chance or probing
 * @name: as user space calls it
 */
struct medes_domain {
	struct list_head node;
	unsigned int users;
	u64 seed;
	char name[MEDES_NAME_MAX + 1];
};

void medes_domain_init(void);
int medes_domain_rekey(const u8 *secret, unsigned int len);
struct medes_domain *medes_domain_get(const char *name);
void medes_domain_put(struct medes_domain *domain);

#endif /* MEDES_DOMAIN_H */
