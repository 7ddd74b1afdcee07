// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS to a real Valkey server: who is spoken to, and who is not. The certificates are made by
 * openssl(1), anew each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <event2/event.h>
#include "valkey.h"
#include "valkeys.h"

static struct valkeys servers;
static struct event_base *events;
static char dir[] = "/tmp/medes-tls-XXXXXX";

/* Two authorities, certificates of the server and of a node by the first one. */
static const char make_files[] =
	"cd %s && exec > /dev/null 2>&1 && set -e\n"
	"for a in ours other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	"-keyout $a.key -out $a.pem -subj /CN=$a -days 2; done\n"
	"for n in server node; do openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	"-keyout $n.key -out $n.csr -subj /CN=$n\n"
	"echo subjectAltName=IP:127.0.0.1,DNS:valkey.example > ext\n"
	"openssl x509 -req -in $n.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 "
	"-extfile ext -out $n.pem; done\n";

static const char *file(const char *name)
{
	static char paths[8][64];
	static unsigned int n;
	char *path = paths[n++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

struct offer {
	const char *authority;
	const char *name;
	bool certificate;
};

/* Does it come to talking? If not, why tells. */
static bool talks(const struct offer *offer, char *why, size_t size)
{
	const struct timeval tick = { .tv_usec = 10000 };
	char address[32], error[256];
	struct valkey_settings settings = {
		.servers = address, .user = "", .password = "", .ca = file(offer->authority),
		.cert = offer->certificate ? file("node.pem") : "",
		.key = offer->certificate ? file("node.key") : "", .name = offer->name,
		.timeout = 10000,
	};
	struct valkey_stats stats;
	struct valkey *v;
	int turns;

	snprintf(address, sizeof(address), "127.0.0.1:%u", servers.port[0] + 10000);
	v = valkey_new(events, &settings, error, sizeof(error));
	if (!v)
		fail_msg("%s", error);
	for (turns = 0; turns < 2000; turns++) {
		event_base_loopexit(events, &tick);
		event_base_dispatch(events);
		valkey_stats(v, &stats);
		if (stats.ready || *stats.error)
			break;
	}
	valkey_free(v);
	snprintf(why, size, "%s", stats.error);
	return stats.ready;
}

static void the_right_server_is_talked_to(void **state)
{
	char why[200];

	(void)state;
	assert_true(talks(&(struct offer){ "ours.pem", "", true }, why, sizeof(why)));
	assert_true(talks(&(struct offer){ "ours.pem", "valkey.example", true }, why, sizeof(why)));
}

static void a_stranger_is_not(void **state)
{
	char why[200];

	(void)state;
	assert_false(talks(&(struct offer){ "other.pem", "", true }, why, sizeof(why)));
	assert_non_null(strstr(why, "certificate"));
}

static void another_name_is_not(void **state)
{
	char why[200];

	(void)state;
	assert_false(talks(&(struct offer){ "ours.pem", "elsewhere.example", true }, why,
			   sizeof(why)));
	assert_non_null(strstr(why, "certificate"));
	assert_false(talks(&(struct offer){ "ours.pem", "10.9.8.7", true }, why, sizeof(why)));
}

static void a_server_may_ask_for_a_certificate(void **state)
{
	char why[200];

	(void)state;
	assert_false(talks(&(struct offer){ "ours.pem", "", false }, why, sizeof(why)));
}

static void bad_files_are_told(void **state)
{
	struct valkey_settings settings = {
		.servers = "127.0.0.1:1", .user = "", .password = "", .ca = file("ours.pem"),
		.cert = file("node.pem"), .key = file("server.key"), .name = "", .timeout = 100,
	};
	char error[256];

	(void)state;
	assert_null(valkey_new(events, &settings, error, sizeof(error)));
	assert_non_null(strstr(error, "server.key"));
	settings.ca = file("ext");
	assert_null(valkey_new(events, &settings, error, sizeof(error)));
	assert_non_null(strstr(error, "/ext"));
}

static int start(void **state)
{
	char command[2048], options[4][64];
	const char *const argv[] = {
		"--tls-cert-file", options[0], "--tls-key-file", options[1],
		"--tls-ca-cert-file", options[2], NULL,
	};

	(void)state;
	events = event_base_new();
	if (!events || !mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), make_files, dir);
	if (system(command))
		return -1;
	strcpy(options[0], file("server.pem"));
	strcpy(options[1], file("server.key"));
	strcpy(options[2], file("ours.pem"));
	return valkeys_start(&servers, 0, 0, argv);
}

static int stop(void **state)
{
	char command[64];

	(void)state;
	valkeys_stop(&servers);
	event_base_free(events);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_server_is_talked_to),
		cmocka_unit_test(a_stranger_is_not),
		cmocka_unit_test(another_name_is_not),
		cmocka_unit_test(a_server_may_ask_for_a_certificate),
		cmocka_unit_test(bad_files_are_told),
	};

	return cmocka_run_group_tests_name("valkey-tls", tests, start, stop);
}
