/* SPDX-License-Identifier: GPL-2.0 */
/* Imported bases: whose pages are on other nodes. */
#ifndef MEDES_REMOTE_H
#define MEDES_REMOTE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <uapi/linux/medes.h>

struct medes_base;
struct medes_extent;
struct medes_peer;
struct medes_read_from;
struct medes_remote;
struct medes_session;
struct netlink_ext_ack;

/* Imported bases that there are. */
extern atomic_t medes_remotes;

static inline bool medes_remote_any(void)
{
	return atomic_read(&medes_remotes);
}

/* Who gives the pages of an imported base. */
enum medes_reach {
	MEDES_REACH_READY,	/* a node, now */
	MEDES_REACH_AWAY,	/* nobody now; a node that is away may come back */
	MEDES_REACH_ORPHANED,	/* nobody: every node has said no */
};

/* Which page of which extent is wanted. */
struct medes_want {
	struct medes_extent *extent;
	u32 slot;
};

/* A replica, as user space names it and sees it. */
struct medes_replica_info {
	u32 peer;
	u64 base;
	u64 generation;
	enum medes_replica_state state;
};

struct medes_base *medes_remote_import(const char *name, const char *domain,
				       const char *function,
				       const struct medes_replica_info *info,
				       unsigned int nr,
				       struct netlink_ext_ack *extack);
int medes_remote_add(struct medes_base *base,
		     const struct medes_replica_info *info,
		     struct netlink_ext_ack *extack);
int medes_remote_del(struct medes_base *base,
		     const struct medes_replica_info *info, bool force,
		     struct netlink_ext_ack *extack);
bool medes_remote_look(struct medes_base *base, unsigned int nr,
		       struct medes_replica_info *info);
void medes_remote_free(struct medes_remote *remote);
void medes_remote_lease(struct medes_peer *peer, struct medes_session *session);

struct medes_session *medes_remote_pick(struct medes_base *base,
					unsigned int *tried,
					const struct medes_want *want,
					unsigned int nr,
					struct medes_read_from *from);
bool medes_remote_is_ready(struct medes_base *base, unsigned int except);
bool medes_remote_is_lost(struct medes_base *base, unsigned int except);
enum medes_reach medes_remote_reach(struct medes_base *base);
void medes_remote_refuse(struct medes_base *base, u32 serial);

#endif /* MEDES_REMOTE_H */
