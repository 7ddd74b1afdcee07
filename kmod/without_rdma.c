// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel without RDMA: the node works alone and says so. There are no imported
 * bases, so nothing is ever fetched.
 */
#include <linux/init.h>
#include <net/genetlink.h>
#include "await.h"
#include "copy.h"
#include "fetch.h"
#include "netlink_gen.h"
#include "netlink_put.h"
#include "rdma.h"
#include "remote.h"

atomic_t medes_remotes;

static int refuse(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "this kernel has no RDMA: the node works alone");
	return -EOPNOTSUPP;
}

#define REFUSE_DO(name)							\
	int medes_nl_ ## name ## _doit(struct sk_buff *skb,		\
				       struct genl_info *info)		\
	{								\
		return refuse(info->extack);				\
	}

#define REFUSE_DUMP(name)						\
	int medes_nl_ ## name ## _dumpit(struct sk_buff *skb,		\
					 struct netlink_callback *cb)	\
	{								\
		return refuse(cb->extack);				\
	}

REFUSE_DO(cluster_set)
REFUSE_DO(cluster_get)
REFUSE_DO(peer_new)
REFUSE_DO(peer_del)
REFUSE_DO(peer_get)
REFUSE_DUMP(peer_get)
REFUSE_DO(base_export)
REFUSE_DO(base_unexport)
REFUSE_DO(base_import)
REFUSE_DO(replica_add)
REFUSE_DO(replica_del)
REFUSE_DO(copy)
REFUSE_DUMP(lease_get)
REFUSE_DO(lease_del)

int medes_put_base_shared(struct sk_buff *skb, struct medes_base *base)
{
	return 0;
}

int medes_put_peer(struct sk_buff *skb, const struct genl_info *info,
		   struct medes_peer *peer)
{
	return -EMSGSIZE;
}

void medes_remote_free(struct medes_remote *remote)
{
}

struct medes_fetch *medes_fetch_new(void)
{
	return NULL;
}

void medes_fetch_free(struct medes_fetch *f)
{
}

void medes_fetch_add(struct medes_fetch *f, struct medes_extent *extent,
		     u32 slot)
{
}

void medes_fetch_add_device(struct medes_fetch *f, struct page *device,
			    const struct medes_account *account)
{
}

bool medes_fetch_is_empty(const struct medes_fetch *f)
{
	return true;
}

void medes_fetch_start(struct medes_fetch *f)
{
}

int medes_fetch_finish(struct medes_fetch *f)
{
	return 0;
}

int medes_fetch_run(struct medes_fetch *f)
{
	return 0;
}

void medes_fetch_devices(unsigned long pfn, unsigned int n,
			 const struct medes_account *account)
{
}

int medes_fetch_pages(struct medes_base *base, u32 index, unsigned int n)
{
	return 0;
}

void medes_fetch_add_record(struct medes_fetch *f,
			    const struct medes_record *record)
{
}

bool medes_fetch_is_vain(const struct medes_record *record,
			 enum medes_loss_reason *reason)
{
	*reason = MEDES_LOSS_REASON_UNREACHABLE;
	return true;
}

vm_fault_t medes_await(struct vm_fault *vmf, struct medes_record *record)
{
	return 0;
}

int __init medes_rdma_init(void)
{
	return 0;
}

void medes_rdma_stop(void)
{
}

void medes_rdma_exit(void)
{
}

int medes_copy_run(struct medes_op *op)
{
	return -EOPNOTSUPP;
}
