// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What somebody on the network may try against a node, and what has to come of it.
 *
 * usage: stranger ADDRESS PORT CLUSTER KEY BASE/GENERATION
 *
 * The key is for one honest session, which shows that the very same steps work for
 * a member, and gives what a stranger could only guess: the key of a region. One
 * line a trial on standard output, "ok" or "not ok"; exit status 1 when any
 * was not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <rdma/rdma_cma.h>
#include "wire.h"

#define PAGE 4096
#define RETRIES 6
#define PATIENCE_MS 3000
#define GUESSES 8

/* Statuses of ours, beside those of the wire. */
#define NO_ANSWER (-1)

struct target {
	struct sockaddr_in address;
	u8 cluster[MEDES_WIRE_CLUSTER];
	const char *key;
	u64 base;
	u64 generation;
};

struct link {
	struct rdma_cm_id *id;
	struct ibv_mr *mr;
	struct medes_wire_message *message;	/* sent, then received; then a page */
	struct medes_wire_hello hello;
	struct medes_wire_welcome welcome;
};

static int failed;

static void result(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

static void die(const char *what)
{
	fprintf(stderr, "stranger: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* No rdma_disconnect(): of what is not connected any more it waits for the end for ever. */
static void link_close(struct link *l)
{
	rdma_destroy_qp(l->id);
	if (l->mr)
		ibv_dereg_mr(l->mr);
	free(l->message);
	rdma_destroy_id(l->id);
}

static void post_receive(struct link *l)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)&l->message[1],
		.length = sizeof(l->message[1]),
		.lkey = l->mr->lkey,
	};
	struct ibv_recv_wr wr = { .sg_list = &sge, .num_sge = 1 }, *bad;

	if (ibv_post_recv(l->id->qp, &wr, &bad))
		die("receive");
}

static void prepare(struct link *l, const struct target *target)
{
	struct ibv_qp_init_attr attr = {
		.cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	/* without a channel, every step waits for its event */
	if (rdma_create_id(NULL, &l->id, NULL, RDMA_PS_TCP) ||
	    rdma_resolve_addr(l->id, NULL, (struct sockaddr *)&target->address, PATIENCE_MS) ||
	    rdma_resolve_route(l->id, PATIENCE_MS) || rdma_create_qp(l->id, NULL, &attr))
		die("the way to the node");
	l->message = aligned_alloc(PAGE, 2 * PAGE);
	if (!l->message)
		die("memory");
	l->mr = ibv_reg_mr(l->id->pd, l->message, 2 * PAGE, IBV_ACCESS_LOCAL_WRITE);
	if (!l->mr)
		die("memory region");
	post_receive(l);
}

/* Connect with this very hello; 0, or the status with which it was refused. */
static int link_open(struct link *l, const struct target *target,
		     const struct medes_wire_hello *hello, size_t len)
{
	struct rdma_conn_param param = {
		.private_data = hello,
		.private_data_len = len,
		.initiator_depth = 1,
		.retry_count = RETRIES,
		.rnr_retry_count = RETRIES,
	};
	const struct medes_wire_refusal *refusal;
	int status = NO_ANSWER;

	memset(l, 0, sizeof(*l));
	l->hello = *hello;
	prepare(l, target);
	if (!rdma_connect(l->id, &param)) {
		if (l->id->event && l->id->event->param.conn.private_data_len >= sizeof(l->welcome))
			memcpy(&l->welcome, l->id->event->param.conn.private_data, sizeof(l->welcome));
		return 0;
	}
	if (l->id->event && l->id->event->event == RDMA_CM_EVENT_REJECTED &&
	    l->id->event->param.conn.private_data_len >= sizeof(*refusal)) {
		refusal = l->id->event->param.conn.private_data;
		status = refusal->magic == MEDES_WIRE_MAGIC ? refusal->status : NO_ANSWER;
	}
	link_close(l);
	return status;
}

static struct medes_wire_hello new_hello(const struct target *target, enum medes_wire_kind kind)
{
	struct medes_wire_hello hello = {
		.magic = MEDES_WIRE_MAGIC,
		.version = MEDES_WIRE_VERSION,
		.kind = kind,
	};

	memcpy(hello.cluster, target->cluster, sizeof(hello.cluster));
	RAND_bytes(hello.secret, sizeof(hello.secret));
	return hello;
}

/* The next completion of a queue; its status, or NO_ANSWER. */
static int completion(struct ibv_cq *cq)
{
	struct ibv_wc wc;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (ibv_poll_cq(cq, 1, &wc) > 0)
			return wc.status;
		usleep(1000);
	}
	return NO_ANSWER;
}

/* Say something; what is answered, or NULL when the node just ends the connection. */
static const struct medes_wire_message *ask(struct link *l, const struct medes_wire_message *message,
					    size_t len)
{
	struct ibv_sge sge = { .addr = (uintptr_t)l->message, .length = len, .lkey = l->mr->lkey };
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND }, *bad;

	memcpy(l->message, message, len);
	if (ibv_post_send(l->id->qp, &wr, &bad))
		return NULL;
	if (completion(l->id->send_cq) != IBV_WC_SUCCESS ||
	    completion(l->id->recv_cq) != IBV_WC_SUCCESS)
		return NULL;
	post_receive(l);
	return &l->message[1];
}

static struct medes_wire_message new_prove(const struct link *l, const struct target *target)
{
	struct {
		char role[16];
		u8 cluster[MEDES_WIRE_CLUSTER];
		u8 owner[MEDES_WIRE_SECRET];
		u8 reader[MEDES_WIRE_SECRET];
	} text = { .role = "medes reader" };
	struct medes_wire_message m = { .type = MEDES_WIRE_PROVE, .sequence = 1 };

	memcpy(text.cluster, target->cluster, sizeof(text.cluster));
	memcpy(text.owner, l->welcome.nonce, sizeof(text.owner));
	memcpy(text.reader, l->hello.secret, sizeof(text.reader));
	HMAC(EVP_sha256(), target->key, strlen(target->key), (const u8 *)&text, sizeof(text),
	     m.prove.code, NULL);
	m.prove.node = 4711;
	strcpy(m.prove.name, "stranger");
	return m;
}

static int status_of(const struct medes_wire_message *answer)
{
	return answer ? answer->status : NO_ANSWER;
}

static int prove(struct link *l, const struct medes_wire_message *message)
{
	return status_of(ask(l, message, sizeof(*message)));
}

/* RDMA at this place of the node's; the completion's status. */
static int touch(struct link *l, enum ibv_wr_opcode opcode, u64 iova, u32 rkey)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)l->message + PAGE,
		.length = PAGE,
		.lkey = l->mr->lkey,
	};
	struct ibv_send_wr wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = opcode,
		.wr.rdma = { .remote_addr = iova, .rkey = rkey },
	}, *bad;

	if (ibv_post_send(l->id->qp, &wr, &bad))
		return NO_ANSWER;
	return completion(l->id->send_cq);
}

/*
 * Nobody has to be content with the depth of READs that was granted: the other side
 * does not see what we make of our queue pair.
 */
static void take_depth(struct link *l)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr, was;
	int mask;

	if (ibv_query_qp(l->id->qp, &was, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
			 IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_SQ_PSN, &init))
		die("query");
	attr.qp_state = IBV_QPS_RESET;
	if (ibv_modify_qp(l->id->qp, &attr, IBV_QP_STATE))
		die("reset");
	attr.qp_state = IBV_QPS_INIT;
	if (rdma_init_qp_attr(l->id, &attr, &mask) || ibv_modify_qp(l->id->qp, &attr, mask))
		die("init");
	was.qp_state = IBV_QPS_RTR;
	was.max_dest_rd_atomic = 1;
	was.min_rnr_timer = 1;
	if (ibv_modify_qp(l->id->qp, &was, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
			  IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
			  IBV_QP_MIN_RNR_TIMER))
		die("ready to receive");
	was.qp_state = IBV_QPS_RTS;
	was.timeout = 14;
	was.retry_cnt = RETRIES;
	was.rnr_retry = RETRIES;
	was.max_rd_atomic = 1;
	if (ibv_modify_qp(l->id->qp, &was, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			  IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC))
		die("ready to send");
}

static void connect_wrongly(const struct target *target)
{
	struct medes_wire_hello hello = new_hello(target, MEDES_WIRE_CONTROL);
	struct link l;

	hello.version++;
	result(link_open(&l, target, &hello, sizeof(hello)) == MEDES_WIRE_BAD_VERSION,
	       "another version is refused");
	hello.version--;
	hello.cluster[0] ^= 1;
	result(link_open(&l, target, &hello, sizeof(hello)) == MEDES_WIRE_BAD_CLUSTER,
	       "another cluster is refused");
	hello.magic ^= 1;
	result(link_open(&l, target, &hello, sizeof(hello)) == MEDES_WIRE_MALFORMED,
	       "nonsense is refused");
	hello = new_hello(target, MEDES_WIRE_DATA);
	result(link_open(&l, target, &hello, sizeof(hello)) == MEDES_WIRE_BAD_TOKEN,
	       "a data connection without a token is refused");
}

static void guess_key(const struct target *target)
{
	struct medes_wire_hello hello = new_hello(target, MEDES_WIRE_CONTROL);
	struct medes_wire_message m;
	struct link l;

	if (link_open(&l, target, &hello, sizeof(hello)))
		die("connect");
	m = new_prove(&l, target);
	m.prove.code[0] ^= 1;
	result(prove(&l, &m) == MEDES_WIRE_BAD_KEY, "a wrong proof is refused");
	link_close(&l);

	if (link_open(&l, target, &hello, sizeof(hello)))
		die("connect");
	memset(&m, 0, sizeof(m));
	m.type = MEDES_WIRE_LEASE;
	m.sequence = 1;
	m.lease.base = target->base;
	m.lease.generation = target->generation;
	result(!ask(&l, &m, sizeof(m)), "a lease without a proof is not answered");
	link_close(&l);

	if (link_open(&l, target, &hello, sizeof(hello)))
		die("connect");
	result(!ask(&l, &m, 100), "a short message is not answered");
	link_close(&l);
}

/* A member's session: returns the key of the region of the base's table. */
static u32 be_honest(const struct target *target, struct medes_wire_hello *hello,
		     struct medes_wire_message *proof, u64 *iova)
{
	struct medes_wire_message m = { .type = MEDES_WIRE_LEASE, .sequence = 2 };
	const struct medes_wire_message *answer;
	struct link l, data, again;
	u32 rkey;

	*hello = new_hello(target, MEDES_WIRE_CONTROL);
	if (link_open(&l, target, hello, sizeof(*hello)))
		die("connect");
	*proof = new_prove(&l, target);
	answer = ask(&l, proof, sizeof(*proof));
	result(!status_of(answer), "a member is let in");
	if (status_of(answer))
		exit(1);
	*hello = new_hello(target, MEDES_WIRE_DATA);
	memcpy(hello->secret, answer->admit.token[0], sizeof(hello->secret));
	if (link_open(&data, target, hello, sizeof(*hello)))
		die("data connection");
	result(link_open(&again, target, hello, sizeof(*hello)) == MEDES_WIRE_BAD_TOKEN,
	       "a token is good for one connection");

	m.lease.base = target->base;
	m.lease.generation = target->generation ^ 2;
	result(status_of(ask(&l, &m, sizeof(m))) == MEDES_WIRE_NO_BASE,
	       "another generation is refused");
	m.lease.generation = target->generation;
	m.sequence++;
	answer = ask(&l, &m, sizeof(m));
	if (status_of(answer))
		die("lease");
	rkey = answer->grant.rkey;
	*iova = answer->grant.iova;
	result(touch(&data, IBV_WR_RDMA_READ, *iova, rkey) == IBV_WC_SUCCESS &&
	       *(u32 *)((u8 *)data.message + PAGE) == MEDES_WIRE_MAGIC, "a member reads");
	result(touch(&data, IBV_WR_RDMA_WRITE, *iova, rkey) == IBV_WC_REM_ACCESS_ERR,
	       "a member does not write");
	link_close(&data);
	*hello = l.hello;
	link_close(&l);
	return rkey;
}

static void replay(const struct target *target, const struct medes_wire_hello *hello,
		   const struct medes_wire_message *proof)
{
	struct link l;

	if (link_open(&l, target, hello, sizeof(*hello)))
		die("connect");
	result(prove(&l, proof) == MEDES_WIRE_BAD_KEY, "a replayed proof is refused");
	link_close(&l);
}

static void guess_region(const struct target *target, u64 iova, u32 rkey)
{
	struct medes_wire_hello hello = new_hello(target, MEDES_WIRE_CONTROL);
	bool nothing = true;
	u8 *page, before[PAGE];
	struct link l;
	int status;

	memset(before, 0xa5, PAGE);
	for (u32 i = 0; i < GUESSES; i++) {
		if (link_open(&l, target, &hello, sizeof(hello)))
			die("connect");
		take_depth(&l);
		page = (u8 *)l.message + PAGE;
		memcpy(page, before, PAGE);
		/* the first one is right: even that is of no use here */
		status = touch(&l, IBV_WR_RDMA_READ, iova, rkey + i * 0x101);
		printf("# guess %u: status %d\n", i, status);
		nothing &= status != IBV_WC_SUCCESS && !memcmp(page, before, PAGE);
		link_close(&l);
	}
	result(nothing, "a stranger who guesses the key of a region reads nothing");
}

static int parse(struct target *target, char *argv[])
{
	u8 digest[SHA256_DIGEST_LENGTH];
	char *end;

	target->address.sin_family = AF_INET;
	target->address.sin_port = htons(atoi(argv[2]));
	SHA256((u8 *)argv[3], strlen(argv[3]), digest);
	memcpy(target->cluster, digest, sizeof(target->cluster));
	target->key = argv[4];
	target->base = strtoull(argv[5], &end, 0);
	target->generation = *end == '/' ? strtoull(end + 1, NULL, 0) : 0;
	return inet_aton(argv[1], &target->address.sin_addr) && target->generation ? 0 : -1;
}

int main(int argc, char *argv[])
{
	struct medes_wire_message proof;
	struct medes_wire_hello hello;
	struct target target = { 0 };
	u64 iova;
	u32 rkey;

	if (argc != 6 || parse(&target, argv)) {
		fputs("usage: stranger ADDRESS PORT CLUSTER KEY BASE/GENERATION\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	connect_wrongly(&target);
	guess_key(&target);
	rkey = be_honest(&target, &hello, &proof, &iova);
	replay(&target, &hello, &proof);
	guess_region(&target, iova, rkey);
	return failed;
}
