// SPDX-License-Identifier: GPL-2.0
/*
 * Which cluster this node belongs to, and the proof that somebody knows its key.
 *
 * A node joins once in the life of the module, before it has any sandbox or
 * base: hashes and checksums of pages are seeded by the key, so that those of one
 * node mean something to the others.
 *
 * The proof: both sides draw a nonce, and each shows HMAC-SHA256 under the key of
 * its role and both nonces. Nothing that was seen on the wire proves anything
 * later, and nothing that one side says can be sent back to it.
 */
#include <crypto/sha2.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/string.h>
#include <net/netlink.h>
#include "cluster.h"
#include "domain.h"
#include "incoming.h"

static DEFINE_MUTEX(lock);	/* joining */

struct medes_cluster medes_cluster;

static bool is_same(const char *name, const char *node, const u8 *key,
		    unsigned int key_len, u16 port)
{
	return !strcmp(medes_cluster.name, name) &&
	       !strcmp(medes_cluster.node, node) &&
	       medes_cluster.key_len == key_len && medes_cluster.port == port &&
	       !memcmp(medes_cluster.key, key, key_len);
}

static int take_in(const char *name, const char *node, const u8 *key,
		   unsigned int key_len, u16 port,
		   struct netlink_ext_ack *extack)
{
	u8 id[SHA256_DIGEST_SIZE];
	int err;

	lockdep_assert_held(&lock);
	sha256((const u8 *)name, strlen(name), id);
	memcpy(medes_cluster.id, id, sizeof(medes_cluster.id));
	memcpy(medes_cluster.key, key, key_len);
	medes_cluster.key_len = key_len;
	medes_cluster.port = port;
	medes_cluster.node_id = get_random_u64() | 1;
	strscpy(medes_cluster.name, name, sizeof(medes_cluster.name));
	strscpy(medes_cluster.node, node, sizeof(medes_cluster.node));

	err = medes_incoming_listen(port);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "RDMA CM port %u can't be listened on (%d)",
				   port, err);
		return err;
	}
	err = medes_domain_rekey(key, key_len);
	if (err) {
		NL_SET_ERR_MSG(extack, "there are sandboxes or bases: join a cluster before that");
		medes_incoming_stop();
		return err;
	}
	/* who sees it set sees the rest */
	smp_store_release(&medes_cluster.set, true);
	return 0;
}

/**
 * medes_cluster_set() - join a cluster
 * @name: of the cluster
 * @node: of this node
 * @key: shared by all nodes
 * @key_len: bytes of it, MEDES_KEY_MIN to MEDES_KEY_MAX
 * @port: RDMA CM port to listen on
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: 0, also when all that is so already; -EEXIST when the node belongs to a
 * cluster, -EBUSY when there are domains, what the RDMA CM says.
 */
int medes_cluster_set(const char *name, const char *node, const u8 *key,
		      unsigned int key_len, u16 port,
		      struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&lock);
	if (!medes_cluster.set) {
		err = take_in(name, node, key, key_len, port, extack);
	} else if (!is_same(name, node, key, key_len, port)) {
		NL_SET_ERR_MSG(extack, "the node is in a cluster: unload the module to change it");
		err = -EEXIST;
	}
	mutex_unlock(&lock);
	return err;
}

/**
 * medes_cluster_code() - prove to know the key
 * @role: who proves it
 * @owner: nonce of the node that has bases
 * @reader: nonce of the node that reads them
 * @code: receives MEDES_WIRE_SECRET bytes
 *
 * Context: any, after the cluster was set.
 */
void medes_cluster_code(enum medes_cluster_role role, const u8 *owner,
			const u8 *reader, u8 *code)
{
	struct {
		char role[16];
		u8 cluster[MEDES_WIRE_CLUSTER];
		u8 owner[MEDES_WIRE_SECRET];
		u8 reader[MEDES_WIRE_SECRET];
	} text = {};

	static_assert(MEDES_WIRE_SECRET == SHA256_DIGEST_SIZE);
	strscpy(text.role, role == MEDES_CLUSTER_OWNER ? "medes owner" :
							 "medes reader");
	memcpy(text.cluster, medes_cluster.id, sizeof(text.cluster));
	memcpy(text.owner, owner, sizeof(text.owner));
	memcpy(text.reader, reader, sizeof(text.reader));
	hmac_sha256_usingrawkey(medes_cluster.key, medes_cluster.key_len,
				(const u8 *)&text, sizeof(text), code);
}

/**
 * medes_cluster_exit() - forget the key
 *
 * Context: module exit, when no connection is left.
 */
void medes_cluster_exit(void)
{
	memzero_explicit(&medes_cluster, sizeof(medes_cluster));
}
