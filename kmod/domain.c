// SPDX-License-Identifier: GPL-2.0
/*
 * Domains.
 *
 * A domain begins with the first sandbox or base that names it and ends with
 * the last. Its seed is HMAC-SHA256 of its name under a key that is drawn when
 * the module is loaded and never leaves it: a tenant who can see hashes of his
 * own pages learns nothing about those of another. In a cluster the key comes
 * from the cluster's, so that hashes of one node mean something to the others.
 */
#include <crypto/sha2.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "domain.h"

static DEFINE_MUTEX(lock);	/* the list, and users in every domain */
static LIST_HEAD(domains);
static u8 key[SHA256_DIGEST_SIZE];	/* written before the first domain */

/**
 * medes_domain_init() - draw the key of this module's life
 *
 * Context: module init.
 */
void __init medes_domain_init(void)
{
	get_random_bytes(key, sizeof(key));
}

/**
 * medes_domain_rekey() - take the key from the cluster's
 * @secret: the cluster's
 * @len: bytes of it
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY when there is a domain, whose hashes are seeded already.
 */
int medes_domain_rekey(const u8 *secret, unsigned int len)
{
	static const char label[] = "medes domains";
	int err = -EBUSY;

	mutex_lock(&lock);
	if (list_empty(&domains)) {
		hmac_sha256_usingrawkey(secret, len, label, strlen(label), key);
		err = 0;
	}
	mutex_unlock(&lock);
	return err;
}

static struct medes_domain *find(const char *name)
{
	struct medes_domain *domain;

	lockdep_assert_held(&lock);
	list_for_each_entry(domain, &domains, node)
		if (!strcmp(domain->name, name))
			return domain;
	return NULL;
}

static struct medes_domain *make(const char *name)
{
	struct medes_domain *domain = kzalloc_obj(*domain);
	u8 mac[SHA256_DIGEST_SIZE];

	lockdep_assert_held(&lock);
	if (!domain)
		return NULL;
	strscpy(domain->name, name, sizeof(domain->name));
	hmac_sha256_usingrawkey(key, sizeof(key), domain->name,
				strlen(domain->name), mac);
	domain->seed = get_unaligned_le64(mac);
	memzero_explicit(mac, sizeof(mac));
	list_add_tail(&domain->node, &domains);
	return domain;
}

/**
 * medes_domain_get() - the domain of this name, made if need be
 * @name: at most MEDES_NAME_MAX bytes
 *
 * Context: may sleep.
 * Return: the domain with one user more, or NULL without memory.
 */
struct medes_domain *medes_domain_get(const char *name)
{
	struct medes_domain *domain;

	mutex_lock(&lock);
	domain = find(name) ?: make(name);
	if (domain)
		domain->users++;
	mutex_unlock(&lock);
	return domain;
}

/**
 * medes_domain_put() - one user less; the last one ends the domain
 * @domain: what medes_domain_get() gave
 *
 * Context: may sleep.
 */
void medes_domain_put(struct medes_domain *domain)
{
	mutex_lock(&lock);
	if (!--domain->users) {
		list_del(&domain->node);
		kfree_sensitive(domain);
	}
	mutex_unlock(&lock);
}
