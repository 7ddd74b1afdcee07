// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What nodes share, as requests to the module and as JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "json.h"
#include "share.h"
#include "text.h"

#define SMALL 512
#define REPLICA_SIZE 64			/* nested */

#define PUT(type, msg, attr, value) \
	do { \
		if (nla_put_##type(msg, attr, value)) \
			goto full; \
	} while (0)

static int refuse_full(struct medes_nl *nl, struct nl_msg *msg)
{
	nlmsg_free(msg);
	return medes_nl_fail(nl, -EMSGSIZE, "the request does not fit into one netlink message");
}

static uint64_t u64_of(const struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static uint32_t u32_of(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint16_t u16_of(const struct nlattr *attr)
{
	return attr ? nla_get_u16(attr) : 0;
}

static void name_of(const struct nlattr *attr, char name[MEDES_NAME_SIZE])
{
	name[0] = '\0';
	if (attr)
		nla_strlcpy(name, attr, MEDES_NAME_SIZE);
}

#define U16 { .type = NLA_U16 }
#define U32 { .type = NLA_U32 }
#define U64 { .type = NLA_U64 }
#define NAME { .type = NLA_NUL_STRING, .maxlen = MEDES_NAME_SIZE }

int medes_cluster_set(struct medes_nl *nl, const char *name, const char *node, const void *key,
		      size_t key_len, uint16_t port)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_CLUSTER_SET, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(string, msg, MEDES_A_CLUSTER_NAME, name);
	PUT(string, msg, MEDES_A_CLUSTER_NODE, node);
	if (nla_put(msg, MEDES_A_CLUSTER_KEY, key_len, key))
		goto full;
	if (port)
		PUT(u16, msg, MEDES_A_CLUSTER_PORT, port);
	return medes_nl_request(nl, msg, NULL, NULL);
full:
	return refuse_full(nl, msg);
}

static int on_cluster(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	static struct nla_policy policy[MEDES_A_CLUSTER_MAX + 1] = {
		[MEDES_A_CLUSTER_NAME] = NAME, [MEDES_A_CLUSTER_NODE] = NAME,
		[MEDES_A_CLUSTER_PORT] = U16, [MEDES_A_CLUSTER_NODE_ID] = U64,
		[MEDES_A_CLUSTER_DEVICES] = U32, [MEDES_A_CLUSTER_REFUSED_VERSION] = U64,
		[MEDES_A_CLUSTER_REFUSED_CLUSTER] = U64, [MEDES_A_CLUSTER_REFUSED_KEY] = U64,
		[MEDES_A_CLUSTER_REFUSED_TOKEN] = U64, [MEDES_A_CLUSTER_REFUSED_MALFORMED] = U64,
	};
	struct nlattr *tb[MEDES_A_CLUSTER_MAX + 1];
	struct medes_cluster *out = arg;

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, MEDES_A_CLUSTER_MAX, policy))
		return -EPROTO;
	name_of(tb[MEDES_A_CLUSTER_NAME], out->name);
	name_of(tb[MEDES_A_CLUSTER_NODE], out->node);
	out->port = u16_of(tb[MEDES_A_CLUSTER_PORT]);
	out->node_id = u64_of(tb[MEDES_A_CLUSTER_NODE_ID]);
	out->devices = u32_of(tb[MEDES_A_CLUSTER_DEVICES]);
	out->listening = tb[MEDES_A_CLUSTER_LISTENING];
	out->refused_version = u64_of(tb[MEDES_A_CLUSTER_REFUSED_VERSION]);
	out->refused_cluster = u64_of(tb[MEDES_A_CLUSTER_REFUSED_CLUSTER]);
	out->refused_key = u64_of(tb[MEDES_A_CLUSTER_REFUSED_KEY]);
	out->refused_token = u64_of(tb[MEDES_A_CLUSTER_REFUSED_TOKEN]);
	out->refused_malformed = u64_of(tb[MEDES_A_CLUSTER_REFUSED_MALFORMED]);
	return 0;
}

int medes_cluster_get(struct medes_nl *nl, struct medes_cluster *out)
{
	memset(out, 0, sizeof(*out));
	return medes_nl_request(nl, medes_nl_message(nl, MEDES_CMD_CLUSTER_GET, 0, 0), on_cluster,
				out);
}

int medes_parse_peer(struct nlmsghdr *nlh, struct medes_peer *out)
{
	static struct nla_policy policy[MEDES_A_PEER_MAX + 1] = {
		[MEDES_A_PEER_ID] = U32, [MEDES_A_PEER_PORT] = U16, [MEDES_A_PEER_NAME] = NAME,
		[MEDES_A_PEER_NODE_ID] = U64, [MEDES_A_PEER_STATE] = U32,
		[MEDES_A_PEER_ERROR] = U32, [MEDES_A_PEER_CONNECTS] = U64,
		[MEDES_A_PEER_READS] = U64, [MEDES_A_PEER_PAGES] = U64,
		[MEDES_A_PEER_FAILURES] = U64, [MEDES_A_PEER_READ_NS] = U64,
		[MEDES_A_PEER_BATCHES] = U64,
	};
	struct nlattr *tb[MEDES_A_PEER_MAX + 1];
	const struct nlattr *address;

	if (genlmsg_parse(nlh, 0, tb, MEDES_A_PEER_MAX, policy) || !tb[MEDES_A_PEER_ID])
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	out->id = u32_of(tb[MEDES_A_PEER_ID]);
	address = tb[MEDES_A_PEER_ADDRESS];
	if (address && (nla_len(address) == 4 || nla_len(address) == 16)) {
		out->address_len = nla_len(address);
		memcpy(out->address, nla_data(address), out->address_len);
	}
	out->port = u16_of(tb[MEDES_A_PEER_PORT]);
	name_of(tb[MEDES_A_PEER_NAME], out->name);
	out->node_id = u64_of(tb[MEDES_A_PEER_NODE_ID]);
	out->state = u32_of(tb[MEDES_A_PEER_STATE]);
	out->error = (int32_t)u32_of(tb[MEDES_A_PEER_ERROR]);
	out->connects = u64_of(tb[MEDES_A_PEER_CONNECTS]);
	out->reads = u64_of(tb[MEDES_A_PEER_READS]);
	out->pages = u64_of(tb[MEDES_A_PEER_PAGES]);
	out->failures = u64_of(tb[MEDES_A_PEER_FAILURES]);
	out->read_ns = u64_of(tb[MEDES_A_PEER_READ_NS]);
	out->batches = u64_of(tb[MEDES_A_PEER_BATCHES]);
	return 0;
}

static int on_peer(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd;
	return medes_parse_peer(nlh, arg);
}

int medes_peer_new(struct medes_nl *nl, const void *address, size_t len, uint16_t port,
		   struct medes_peer *out)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_PEER_NEW, 0, SMALL);

	memset(out, 0, sizeof(*out));
	if (!msg)
		return -ENOMEM;
	if (nla_put(msg, MEDES_A_PEER_ADDRESS, len, address))
		goto full;
	if (port)
		PUT(u16, msg, MEDES_A_PEER_PORT, port);
	return medes_nl_request(nl, msg, on_peer, out);
full:
	return refuse_full(nl, msg);
}

int medes_peer_del(struct medes_nl *nl, uint32_t id)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_PEER_DEL, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u32, msg, MEDES_A_PEER_ID, id);
	return medes_nl_request(nl, msg, NULL, NULL);
full:
	return refuse_full(nl, msg);
}

/* Room for one more. */
static int grow(void **v, size_t n, size_t size)
{
	void *more = realloc(*v, (n + 1) * size);

	if (!more)
		return -ENOMEM;
	*v = more;
	return 0;
}

static int on_peer_entry(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_peers *list = arg;
	int err = grow((void **)&list->v, list->n, sizeof(*list->v));

	(void)cmd;
	if (!err)
		err = medes_parse_peer(nlh, &list->v[list->n]);
	if (!err)
		list->n++;
	return err;
}

int medes_peer_list(struct medes_nl *nl, struct medes_peers *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = medes_nl_request(nl, medes_nl_message(nl, MEDES_CMD_PEER_GET, NLM_F_DUMP, 0),
			       on_peer_entry, out);
	if (err)
		medes_peers_clear(out);
	return err;
}

void medes_peers_clear(struct medes_peers *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

static int on_generation(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	static struct nla_policy policy[MEDES_A_BASE_MAX + 1] = {
		[MEDES_A_BASE_GENERATION] = U64,
	};
	struct nlattr *tb[MEDES_A_BASE_MAX + 1];

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, MEDES_A_BASE_MAX, policy) || !tb[MEDES_A_BASE_GENERATION])
		return -EPROTO;
	*(uint64_t *)arg = u64_of(tb[MEDES_A_BASE_GENERATION]);
	return 0;
}

int medes_base_export(struct medes_nl *nl, uint64_t base, uint64_t *generation)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_BASE_EXPORT, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_BASE_ID, base);
	return medes_nl_request(nl, msg, on_generation, generation);
full:
	return refuse_full(nl, msg);
}

int medes_base_unexport(struct medes_nl *nl, uint64_t base, bool force)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_BASE_UNEXPORT, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_BASE_ID, base);
	if (force && nla_put_flag(msg, MEDES_A_BASE_FORCE))
		goto full;
	return medes_nl_request(nl, msg, NULL, NULL);
full:
	return refuse_full(nl, msg);
}

static int put_replica(struct nl_msg *msg, const struct medes_replica *replica)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | MEDES_A_BASE_REPLICA);

	if (!nest || nla_put_u32(msg, MEDES_A_REPLICA_PEER, replica->peer))
		return -EMSGSIZE;
	if (replica->base &&
	    (nla_put_u64(msg, MEDES_A_REPLICA_BASE, replica->base) ||
	     nla_put_u64(msg, MEDES_A_REPLICA_GENERATION, replica->generation)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int on_base_id(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	static struct nla_policy policy[MEDES_A_BASE_MAX + 1] = { [MEDES_A_BASE_ID] = U64 };
	struct nlattr *tb[MEDES_A_BASE_MAX + 1];

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, MEDES_A_BASE_MAX, policy) || !tb[MEDES_A_BASE_ID])
		return -EPROTO;
	*(uint64_t *)arg = u64_of(tb[MEDES_A_BASE_ID]);
	return 0;
}

int medes_base_import(struct medes_nl *nl, const char *name, const char *domain,
		      const char *function, const struct medes_replica *replicas, size_t n,
		      uint64_t *id)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_BASE_IMPORT, 0,
					      SMALL + n * REPLICA_SIZE);

	if (!msg)
		return -ENOMEM;
	PUT(string, msg, MEDES_A_BASE_NAME, name);
	PUT(string, msg, MEDES_A_BASE_DOMAIN, domain);
	if (function)
		PUT(string, msg, MEDES_A_BASE_FUNCTION, function);
	for (; n; n--)
		if (put_replica(msg, replicas++))
			goto full;
	return medes_nl_request(nl, msg, on_base_id, id);
full:
	return refuse_full(nl, msg);
}

static int change_replica(struct medes_nl *nl, uint8_t cmd, uint64_t base,
			  const struct medes_replica *replica, bool force)
{
	struct nl_msg *msg = medes_nl_message(nl, cmd, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_BASE_ID, base);
	if (put_replica(msg, replica) || (force && nla_put_flag(msg, MEDES_A_BASE_FORCE)))
		goto full;
	return medes_nl_request(nl, msg, NULL, NULL);
full:
	return refuse_full(nl, msg);
}

int medes_replica_add(struct medes_nl *nl, uint64_t base, const struct medes_replica *replica)
{
	return change_replica(nl, MEDES_CMD_REPLICA_ADD, base, replica, false);
}

int medes_replica_del(struct medes_nl *nl, uint64_t base, uint32_t peer, bool force)
{
	const struct medes_replica replica = { .peer = peer };

	return change_replica(nl, MEDES_CMD_REPLICA_DEL, base, &replica, force);
}

static int on_op_id(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	static struct nla_policy policy[MEDES_A_OP_MAX + 1] = { [MEDES_A_OP_ID] = U32 };
	struct nlattr *tb[MEDES_A_OP_MAX + 1];

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, MEDES_A_OP_MAX, policy) || !tb[MEDES_A_OP_ID])
		return -EPROTO;
	*(uint32_t *)arg = u32_of(tb[MEDES_A_OP_ID]);
	return 0;
}

int medes_copy(struct medes_nl *nl, uint64_t source, uint64_t base, uint32_t *op)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_COPY, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_OP_BASE, base);
	PUT(u64, msg, MEDES_A_OP_SOURCE, source);
	return medes_nl_request(nl, msg, on_op_id, op);
full:
	return refuse_full(nl, msg);
}

static int on_lease(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	static struct nla_policy policy[MEDES_A_LEASE_MAX + 1] = {
		[MEDES_A_LEASE_BASE] = U64, [MEDES_A_LEASE_NODE_ID] = U64,
		[MEDES_A_LEASE_NAME] = NAME, [MEDES_A_LEASE_LEFT_MS] = U64,
	};
	struct nlattr *tb[MEDES_A_LEASE_MAX + 1];
	struct medes_leases *list = arg;
	struct medes_lease *lease;
	int err = grow((void **)&list->v, list->n, sizeof(*list->v));

	(void)cmd;
	if (err)
		return err;
	if (genlmsg_parse(nlh, 0, tb, MEDES_A_LEASE_MAX, policy) || !tb[MEDES_A_LEASE_BASE])
		return -EPROTO;
	lease = &list->v[list->n++];
	lease->base = u64_of(tb[MEDES_A_LEASE_BASE]);
	lease->node_id = u64_of(tb[MEDES_A_LEASE_NODE_ID]);
	lease->left_ms = u64_of(tb[MEDES_A_LEASE_LEFT_MS]);
	name_of(tb[MEDES_A_LEASE_NAME], lease->name);
	return 0;
}

int medes_lease_list(struct medes_nl *nl, struct medes_leases *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = medes_nl_request(nl, medes_nl_message(nl, MEDES_CMD_LEASE_GET, NLM_F_DUMP, 0),
			       on_lease, out);
	if (err)
		medes_leases_clear(out);
	return err;
}

void medes_leases_clear(struct medes_leases *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

int medes_lease_del(struct medes_nl *nl, uint64_t node_id)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_LEASE_DEL, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_LEASE_NODE_ID, node_id);
	return medes_nl_request(nl, msg, NULL, NULL);
full:
	return refuse_full(nl, msg);
}

const char *medes_peer_state_name(uint32_t state)
{
	static const char *const names[] = {
		[MEDES_PEER_STATE_CONNECTING] = "connecting",
		[MEDES_PEER_STATE_UP] = "up",
		[MEDES_PEER_STATE_DOWN] = "down",
		[MEDES_PEER_STATE_REFUSED] = "refused",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

const char *medes_replica_state_name(uint32_t state)
{
	static const char *const names[] = {
		[MEDES_REPLICA_STATE_WAITING] = "waiting",
		[MEDES_REPLICA_STATE_READY] = "ready",
		[MEDES_REPLICA_STATE_REFUSED] = "refused",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

json_t *medes_json_cluster(const struct medes_cluster *c)
{
	json_t *object = json_pack("{s:i,s:b,s:I,s:I,s:I,s:I,s:I}", "devices", (int)c->devices,
				   "listening", c->listening,
				   "refused_version", (json_int_t)c->refused_version,
				   "refused_cluster", (json_int_t)c->refused_cluster,
				   "refused_key", (json_int_t)c->refused_key,
				   "refused_token", (json_int_t)c->refused_token,
				   "refused_malformed", (json_int_t)c->refused_malformed);

	if (!c->name[0])
		return object;
	json_object_set_new(object, "name", medes_json_text(c->name));
	json_object_set_new(object, "node", medes_json_text(c->node));
	json_object_set_new(object, "node_id", medes_json_id(c->node_id));
	json_object_set_new(object, "port", json_integer(c->port));
	return object;
}

json_t *medes_json_peer(const struct medes_peer *p)
{
	char address[INET6_ADDRSTRLEN] = "?";
	json_t *object = json_object();

	if (p->address_len)
		inet_ntop(p->address_len == 4 ? AF_INET : AF_INET6, p->address, address,
			  sizeof(address));
	json_object_set_new(object, "id", json_integer(p->id));
	json_object_set_new(object, "address", json_string(address));
	json_object_set_new(object, "port", json_integer(p->port));
	json_object_set_new(object, "state", json_string(medes_peer_state_name(p->state)));
	if (p->name[0]) {
		json_object_set_new(object, "name", medes_json_text(p->name));
		json_object_set_new(object, "node_id", medes_json_id(p->node_id));
	}
	if (p->error)
		json_object_set_new(object, "error", json_string(strerror(-p->error)));
	json_object_set_new(object, "connects", json_integer(p->connects));
	json_object_set_new(object, "reads", json_integer(p->reads));
	json_object_set_new(object, "pages", json_integer(p->pages));
	json_object_set_new(object, "failures", json_integer(p->failures));
	json_object_set_new(object, "batches", json_integer(p->batches));
	json_object_set_new(object, "batch_ns",
			    json_integer(p->batches ? p->read_ns / p->batches : 0));
	return object;
}

json_t *medes_json_lease(const struct medes_lease *l)
{
	json_t *object = json_object();

	json_object_set_new(object, "base", medes_json_id(l->base));
	json_object_set_new(object, "node", medes_json_text(l->name));
	json_object_set_new(object, "node_id", medes_json_id(l->node_id));
	json_object_set_new(object, "left_ms", json_integer(l->left_ms));
	return object;
}
