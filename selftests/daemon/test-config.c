// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file: what holds, what is refused, and that a refused file
 * changes nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>
#include "config.h"
#include "medes.h"

static int load(const char *text, struct config *config, char *error, size_t size)
{
	char path[] = "/tmp/medes-config-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = config_load(config, path, error, size);
	unlink(path);
	return err;
}

/* A member each, since padding may hold anything. */
static void assert_same(const struct config *a, const struct config *b)
{
	assert_string_equal(a->socket, b->socket);
	assert_int_equal(a->log_level, b->log_level);
	assert_int_equal(a->max_body, b->max_body);
	assert_int_equal(a->max_header, b->max_header);
	assert_int_equal(a->timeout, b->timeout);
	assert_int_equal(a->pages_per_hash, b->pages_per_hash);
	assert_int_equal(a->freeze, b->freeze);
	assert_int_equal(a->freeze_timeout, b->freeze_timeout);
	assert_int_equal(a->jobs, b->jobs);
	assert_int_equal(a->ops_in_flight, b->ops_in_flight);
	assert_int_equal(a->huge_pages_min, b->huge_pages_min);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->settle_after, b->settle_after);
	assert_int_equal(a->strong_share, b->strong_share);
	assert_int_equal(a->pack, b->pack);
	assert_int_equal(a->witnesses, b->witnesses);
}

static void everything_can_be_set(void **state)
{
	struct config config;
	char error[512];

	(void)state;
	config_default(&config);
	assert_int_equal(load("# a comment\n"
			      "; another\n"
			      "[Daemon]\nSocket = /x/y.sock\nLogLevel=debug\n\n"
			      "[Http]\nMaxBody=128K\nMaxHeader=1024\nTimeout=500ms\n"
			      "[Registry]\nPagesPerHash=8\n"
			      "[Dedup]\nFreeze=No\nFreezeTimeout=3s\nJobs=7\nOpsInFlight=2\nHugePagesMin=0\n"
			      "Mode=dense\nSettleAfter=10s\n"
			      "[Base]\nPack=yes\nStrongShare=9\nWitnesses=0\n"
			      "[Cluster]\nName=c\nNode=n\nKey=/k\nPort=1\n"
			      "Peers=10.0.0.1 10.0.0.2\nPeers=fe80::1\n"
			      "Certificates=/c\nListen=[::]:7171\nInterval=1s\nShare=no\nPromote=100\n"
			      "Replicas=3\nProtocol=1\nServe=no\n"
			      "[Node a]\nAddress=10.0.0.1\n"
			      "[Node b]\nAddress=fe80::2\nPort=5\nRdmaPort=6\n", &config, error, sizeof(error)), 0);
	assert_string_equal(config.socket, "/x/y.sock");
	assert_int_equal(config.log_level, LOG_DEBUG);
	assert_int_equal(config.max_body, 128 << 10);
	assert_int_equal(config.max_header, 1024);
	assert_int_equal(config.timeout, 500);
	assert_int_equal(config.pages_per_hash, 8);
	assert_false(config.freeze);
	assert_int_equal(config.freeze_timeout, 3000);
	assert_int_equal(config.jobs, 7);
	assert_int_equal(config.ops_in_flight, 2);
	assert_int_equal(config.huge_pages_min, 0);
	assert_int_equal(config.mode, MEDES_MODE_DENSE);
	assert_int_equal(config.settle_after, 10000);
	assert_true(config.pack);
	assert_int_equal(config.strong_share, 9);
	assert_int_equal(config.witnesses, 0);
	assert_string_equal(config.cluster, "c");
	assert_string_equal(config.node, "n");
	assert_string_equal(config.cluster_key, "/k");
	assert_int_equal(config.cluster_port, 1);
	assert_string_equal(config.peers, "10.0.0.1 10.0.0.2 fe80::1");
	assert_string_equal(config.certificates, "/c");
	assert_string_equal(config.cluster_listen, "[::]:7171");
	assert_int_equal(config.cluster_interval, 1000);
	assert_false(config.share);
	assert_int_equal(config.promote, 100);
	assert_int_equal(config.replicas, 3);
	assert_int_equal(config.protocol, 1);
	assert_false(config.serve);
	assert_int_equal(config.n_nodes, 2);
	assert_string_equal(config.nodes[0].name, "a");
	assert_string_equal(config.nodes[0].address, "10.0.0.1");
	assert_int_equal(config.nodes[0].port, 7171);
	assert_int_equal(config.nodes[0].rdma_port, 0);
	assert_string_equal(config.nodes[1].address, "fe80::2");
	assert_int_equal(config.nodes[1].port, 5);
	assert_int_equal(config.nodes[1].rdma_port, 6);
}

static void an_engine_is_chosen(void **state)
{
	char path[] = "/tmp/medes-password-XXXXXX", text[1024], error[512], password[64];
	struct config config;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "s3cret \nmore", 12), 12);
	close(fd);
	snprintf(text, sizeof(text), "[Registry]\nEngine=valkey\nServers=10.0.0.1:6379 10.0.0.2:6379\n"
		 "Servers=[fd00::3]:6379\nUser=medes\nPasswordFile=%s\nTimeout=50ms\nEntries=1000000\n"
		 "Cache=0\nCacheTime=1s\nImportAfter=9\n[Cluster]\nName=c\nNode=n\nKey=/k\n", path);
	config_default(&config);
	assert_false(config.valkey);
	assert_int_equal(load(text, &config, error, sizeof(error)), 0);
	assert_true(config.valkey);
	assert_string_equal(config.valkey_servers, "10.0.0.1:6379 10.0.0.2:6379 [fd00::3]:6379");
	assert_int_equal(config.valkey_timeout, 50);
	assert_int_equal(config.valkey_entries, 1000000);
	assert_int_equal(config.valkey_cache, 0);
	assert_int_equal(config.valkey_cache_life, 1000);
	assert_int_equal(config.valkey_import_after, 9);
	assert_int_equal(config_read_password(path, password, sizeof(password), error,
					      sizeof(error)), 0);
	assert_string_equal(password, "s3cret ");
	unlink(path);
}

static void empty_file_keeps_defaults(void **state)
{
	struct config config, defaults;
	char error[512];

	(void)state;
	config_default(&config);
	config_default(&defaults);
	assert_int_equal(load("", &config, error, sizeof(error)), 0);
	assert_same(&config, &defaults);
}

#define VALKEY "[Registry]\nEngine=valkey\n"
#define ONE "Servers=127.0.0.1:1\n"
#define CLUSTER "[Cluster]\nName=c\nNode=n\nKey=/k\n"

static void refusals_name_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		const char *line;
		const char *reason;
	} cases[] = {
		{ "[Dedup]\nJobs=2\nFreze=yes\n", ":3: ", "unknown key \"Freze\"" },
		{ "[Dedup]\nJobs=2\nFreze=yes\n", ":3: ", "Freeze" },
		{ "[Dedupe]\nJobs=2\n", ":2: ", "unknown section [Dedupe]" },
		{ "Jobs=2\n", ":1: ", "unknown section []" },
		{ "[Dedup]\njobs=2\n", ":2: ", "unknown key" },
		{ "[Dedup]\nJobs=0\n", ":2: ", "1 to 64" },
		{ "[Cluster]\nPort=0\n", ":2: ", "1 to 65535" },
		{ "[Cluster]\nName=c\nNode=n\n", ": ", "Name=c needs Node and Key" },
		{ "[Cluster]\nCertificates=/c\n", ": ", "needs Name, Node and Key" },
		{ "[Cluster]\nName=a b\nNode=n\nKey=/k\n", ": ", "letters, digits" },
		{ "[Cluster]\nListen=1.2.3.4:5\n", ": ", "Listen needs Certificates" },
		{ "[Node a]\nPort=5\n", ": ", "[Node a] needs Address" },
		{ "[Node a]\nAddress=host\n", ":2: ", "an address of IPv4 or IPv6" },
		{ "[Node a]\nColour=1\n", ":2: ", "known: Address Port RdmaPort" },
		{ "[Node a/b]\nPort=5\n", ":2: ", "want a name" },
		{ "[Node a]\nPort=0\n", ":2: ", "1 to 65535" },
		{ "[Dedup]\nJobs=65\n", ":2: ", "1 to 64" },
		{ "[Dedup]\nJobs=-1\n", ":2: ", "a number" },
		{ "[Dedup]\nJobs=2x\n", ":2: ", "a number" },
		{ "[Dedup]\nJobs=\n", ":2: ", "a number" },
		{ "[Dedup]\nJobs=18446744073709551617\n", ":2: ", "a number" },
		{ "[Dedup]\nFreeze=maybe\n", ":2: ", "yes or no" },
		{ "[Dedup]\nFreezeTimeout=5\n", ":2: ", "ms or s" },
		{ "[Dedup]\nFreezeTimeout=61s\n", ":2: ", "60000" },
		{ "[Dedup]\nMode=slow\n", ":2: ", "fast or dense" },
		{ "[Dedup]\nSettleAfter=86401s\n", ":2: ", "86400000" },
		{ "[Http]\nMaxBody=64G\n", ":2: ", "size" },
		{ "[Http]\nMaxBody=17592186044416M\n", ":2: ", "size" },
		{ "[Daemon]\nLogLevel=loud\n", ":2: ", "warning" },
		{ "[Daemon]\nSocket=relative\n", ":2: ", "absolute" },
		{ "[Daemon]\nnonsense\n", ":2: ", "neither" },
		{ "[Registry]\nEngine=redis\n", ":2: ", "local or valkey" },
		{ "[Registry]\nServers=127.0.0.1:1\n", ": ", "Servers is for Engine=valkey" },
		{ "[Registry]\nEngine=valkey\n", ": ", "needs Servers" },
		{ VALKEY "Servers=valkey.example:6379\n" CLUSTER, ": ", "numeric" },
		{ VALKEY "Servers=127.0.0.1:1\n", ": ", "needs Name and Node" },
		{ VALKEY ONE "User=u\n" CLUSTER, ": ", "User=u needs PasswordFile" },
		{ VALKEY ONE "PasswordFile=/nonexistent\n" CLUSTER, ": ", "No such file" },
		{ VALKEY ONE "PasswordFile=/etc/hostname\n" CLUSTER, ": ", "chmod 600" },
		{ VALKEY ONE "TlsName=n\n" CLUSTER, ": ", "need TlsAuthority" },
		{ VALKEY ONE "TlsAuthority=/a\nTlsKey=/k\n" CLUSTER, ": ", "need each other" },
		{ VALKEY ONE "TlsAuthority=/nonexistent\n" CLUSTER, ": ", "authority /nonexistent: No such file" },
		{ VALKEY ONE "[Cluster]\nName=a:b\nNode=n\nKey=/k\n", ": ", "part of keys" },
		{ VALKEY ONE "[Cluster]\nName=c\nNode=n\nKey=/k\nController=n\n", ": ", "is elected" },
		{ "[Cluster]\nController=n\n", ": ", "needs Name" },
		{ "[Cluster]\nLease=1ms\n", ":2: ", "1000 to 600000 ms" },
		{ "[Registry]\nTimeout=1ms\n", ":2: ", "10 to 10000 ms" },
		{ "[Registry]\nEntries=1\n", ":2: ", "65536" },
		{ "[Base]\nStrongShare=10\n", ":2: ", "1 to 9" },
	};
	struct config config, defaults;
	char error[512];
	size_t i;

	(void)state;
	config_default(&defaults);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config_default(&config);
		print_message("%s", cases[i].text);
		assert_int_equal(load(cases[i].text, &config, error, sizeof(error)), -EINVAL);
		print_message("\t%s\n", error);
		assert_non_null(strstr(error, cases[i].line));
		assert_non_null(strstr(error, cases[i].reason));
		assert_same(&config, &defaults);
	}
}

static void too_long_a_path(void **state)
{
	char text[400], error[512];
	struct config config;

	(void)state;
	config_default(&config);
	snprintf(text, sizeof(text), "[Daemon]\nSocket=/%0150d\n", 0);
	assert_int_equal(load(text, &config, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "107"));
}

static void absent_file(void **state)
{
	struct config config;
	char error[512];

	(void)state;
	config_default(&config);
	assert_int_equal(config_load(&config, "/nonexistent/medesd.conf", error, sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, "/nonexistent/medesd.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_can_be_set),
		cmocka_unit_test(an_engine_is_chosen),
		cmocka_unit_test(empty_file_keeps_defaults),
		cmocka_unit_test(refusals_name_line_and_reason),
		cmocka_unit_test(too_long_a_path),
		cmocka_unit_test(absent_file),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
