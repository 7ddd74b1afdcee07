// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The servers keep nothing on disk but the cluster's state, in a directory that is removed
 * at the end. They end with whoever started them.
 *
 * A cluster is put together by hand: every server meets every other one, which takes a
 * fraction of what valkey-cli waits for.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "slots.h"
#include "valkeys.h"

static const struct timeval patience = { .tv_sec = 10 };

static bool port_is_free(unsigned int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool is_free;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	is_free = fd >= 0 && !bind(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return is_free;
}

/* Below the ports that connections get, with that of the cluster's bus at 10000 more. */
static uint16_t free_port(void)
{
	static unsigned int next;
	unsigned int tries;

	if (!next)
		next = 12000 + getpid() % 900 * 10;
	for (tries = 0; tries < 1000; tries++) {
		next = next < 21900 ? next + 1 : 12000;
		if (port_is_free(next) && port_is_free(next + 10000))
			return next;
	}
	return 0;
}

static void run(struct valkeys *v, unsigned int i, const char *const *options)
{
	const char *program = getenv("VALKEY_SERVER");
	char port[8], tls_port[8], log[16], nodes[16];
	const char *argv[64] = {
		program ? program : "valkey-server", "--port", port, "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", v->dir, "--logfile", log,
		"--repl-diskless-sync-delay", "0", "--io-threads", "1",
	};
	unsigned int n = 17;

	snprintf(port, sizeof(port), "%u", v->port[i]);
	snprintf(log, sizeof(log), "%u.log", i);
	snprintf(nodes, sizeof(nodes), "nodes-%u.conf", i);
	if (v->primaries) {
		argv[n++] = "--cluster-enabled";
		argv[n++] = "yes";
		argv[n++] = "--cluster-config-file";
		argv[n++] = nodes;
		argv[n++] = "--cluster-node-timeout";
		argv[n++] = "1500";
		argv[n++] = "--cluster-replica-validity-factor";
		argv[n++] = "0";
		/* alone, it would not know */
		argv[n++] = "--cluster-announce-ip";
		argv[n++] = "127.0.0.1";
		/* what works, works: the tests take servers away */
		argv[n++] = "--cluster-require-full-coverage";
		argv[n++] = "no";
	}
	/* where a cluster's bus would be */
	if (options && !v->primaries) {
		snprintf(tls_port, sizeof(tls_port), "%u", v->port[i] + 10000);
		argv[n++] = "--tls-port";
		argv[n++] = tls_port;
	}
	while (options && *options && n < 62)
		argv[n++] = *options++;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[0], (char **)argv);
	_exit(127);
}

static redisContext *open_one(struct valkeys *v, unsigned int i)
{
	return redisConnectWithTimeout("127.0.0.1", v->port[i], patience);
}

/* NULL: no answer. */
redisReply *valkeys_command(struct valkeys *v, unsigned int i, const char *format, ...)
{
	redisContext *c = open_one(v, i);
	redisReply *reply = NULL;
	va_list args;

	va_start(args, format);
	if (c && !c->err && redisSetTimeout(c, patience) == REDIS_OK)
		reply = redisvCommand(c, format, args);
	va_end(args);
	if (c)
		redisFree(c);
	return reply;
}

/* Does the answer contain the text? */
bool valkeys_said(struct valkeys *v, unsigned int i, const char *text, const char *command)
{
	redisReply *reply = valkeys_command(v, i, command);
	bool said = reply && reply->str && strstr(reply->str, text);

	freeReplyObject(reply);
	return said;
}

static bool wait_for(struct valkeys *v, unsigned int i, const char *text, const char *command)
{
	unsigned int tries;

	for (tries = 0; tries < 6000; tries++) {
		if (valkeys_said(v, i, text, command))
			return true;
		usleep(10000);
	}
	fprintf(stderr, "# server %u never said \"%s\" to %s\n", i, text, command);
	return false;
}

static bool say(struct valkeys *v, unsigned int i, const char *command)
{
	redisReply *reply = valkeys_command(v, i, command);
	bool good = reply && reply->type != REDIS_REPLY_ERROR;

	if (!good)
		fprintf(stderr, "# %s: %s\n", command, reply ? reply->str : "no answer");
	freeReplyObject(reply);
	return good;
}

static bool give_slots(struct valkeys *v)
{
	char text[96];
	unsigned int i;

	for (i = 0; i < v->primaries; i++) {
		snprintf(text, sizeof(text), "CLUSTER ADDSLOTSRANGE %u %u",
			 SLOTS * i / v->primaries, SLOTS * (i + 1) / v->primaries - 1);
		if (!say(v, i, text))
			return false;
	}
	for (i = 0; i < v->n; i++) {
		snprintf(text, sizeof(text), "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
		if (!say(v, i, text))
			return false;
	}
	return true;
}

static bool meet(struct valkeys *v)
{
	unsigned int i, k;
	char text[96];

	for (i = 0; i < v->n; i++) {
		for (k = 0; k < v->n; k++) {
			snprintf(text, sizeof(text), "CLUSTER MEET 127.0.0.1 %u", v->port[k]);
			if (i != k && !say(v, i, text))
				return false;
		}
	}
	snprintf(text, sizeof(text), "cluster_known_nodes:%u", v->n);
	for (i = 0; i < v->n; i++)
		if (!wait_for(v, i, text, "CLUSTER INFO") ||
		    !wait_for(v, i, "cluster_state:ok", "CLUSTER INFO"))
			return false;
	return true;
}

static bool replicate(struct valkeys *v)
{
	unsigned int i, tries;
	redisReply *id, *reply;
	bool good;

	for (i = v->primaries; i < v->n; i++) {
		id = valkeys_command(v, i - v->primaries, "CLUSTER MYID");
		good = false;
		/* until it has heard of that one */
		for (tries = 0; id && tries < 6000 && !good; tries++) {
			reply = valkeys_command(v, i, "CLUSTER REPLICATE %s", id->str);
			good = reply && reply->type == REDIS_REPLY_STATUS;
			freeReplyObject(reply);
			if (!good)
				usleep(10000);
		}
		freeReplyObject(id);
		if (!good || !wait_for(v, i, "master_link_status:up", "INFO replication"))
			return false;
	}
	return true;
}

/**
 * valkeys_start() - start servers
 * @v: filled in
 * @primaries: of a cluster; 0: one server without cluster mode
 * @replicas: no more than primaries; the n-th one follows the n-th primary
 * @options: of all servers, ended by NULL; may be NULL. A single server with options has a
 *	port for TLS, 10000 above the other one
 *
 * Return: 0, or -1 with a word on stderr.
 */
int valkeys_start(struct valkeys *v, unsigned int primaries, unsigned int replicas,
		  const char *const *options)
{
	unsigned int i;

	*v = (struct valkeys){ .n = primaries ? primaries + replicas : 1, .primaries = primaries };
	strcpy(v->dir, "/tmp/medes-valkeys-XXXXXX");
	if (!mkdtemp(v->dir))
		return -1;
	for (i = 0; i < v->n; i++) {
		v->port[i] = free_port();
		sprintf(v->servers + strlen(v->servers), "%s127.0.0.1:%u", i ? " " : "",
			v->port[i]);
		v->pid[i] = fork();
		if (!v->pid[i])
			run(v, i, options);
	}
	for (i = 0; i < v->n; i++)
		if (!wait_for(v, i, "PONG", "PING"))
			return -1;
	if (primaries && (!give_slots(v) || !meet(v) || !replicate(v)))
		return -1;
	return 0;
}

/* The server that has a slot. */
unsigned int valkeys_of_slot(struct valkeys *v, unsigned int slot)
{
	unsigned int i = v->primaries - 1;

	while (i && slot < SLOTS * i / v->primaries)
		i--;
	return i;
}

/**
 * valkeys_signal() - stop a server, let it go on, or kill it
 * @v: the servers
 * @i: which
 * @number: of the signal
 */
void valkeys_signal(struct valkeys *v, unsigned int i, int number)
{
	if (!v->pid[i])
		return;
	kill(v->pid[i], number);
	if (number != SIGKILL)
		return;
	waitpid(v->pid[i], NULL, 0);
	v->pid[i] = 0;
}

void valkeys_stop(struct valkeys *v)
{
	char path[96];
	unsigned int i;

	for (i = 0; i < v->n; i++) {
		valkeys_signal(v, i, SIGKILL);
		snprintf(path, sizeof(path), "%s/%u.log", v->dir, i);
		unlink(path);
		snprintf(path, sizeof(path), "%s/nodes-%u.conf", v->dir, i);
		unlink(path);
	}
	if (*v->dir)
		rmdir(v->dir);
}
