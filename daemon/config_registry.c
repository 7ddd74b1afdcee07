// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the keys of [Registry] have to do with each other, and the files they name.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "config.h"
#include "entry.h"
#include "server.h"
#include "valkey.h"

/**
 * config_read_password() - the first line of a file that nobody else may read
 * @path: the file
 * @out: receives it, without its end
 * @room: of @out
 * @error: receives what is wrong
 * @size: of @error
 *
 * Return: 0 or a negative errno.
 */
int config_read_password(const char *path, char *out, size_t room, char *error, size_t size)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	int err = 0;

	if (!file) {
		err = -errno;
		snprintf(error, size, "PasswordFile=%s: %s", path, strerror(-err));
		return err;
	}
	if (fstat(fileno(file), &st) || st.st_mode & 077) {
		snprintf(error, size, "PasswordFile=%s: others can read it; run: chmod 600 %s",
			 path, path);
		err = -EPERM;
	} else if (!fgets(out, room, file) || !strcspn(out, "\n")) {
		snprintf(error, size, "PasswordFile=%s: its first line is empty", path);
		err = -EINVAL;
	} else {
		out[strcspn(out, "\n")] = '\0';
	}
	fclose(file);
	return err;
}

static int check_password(const struct config *c, char *error, size_t size)
{
	char password[512];
	int err;

	if (!c->valkey_password[0]) {
		if (!c->valkey_user[0])
			return 0;
		snprintf(error, size, "User=%s needs PasswordFile", c->valkey_user);
		return -EINVAL;
	}
	err = config_read_password(c->valkey_password, password, sizeof(password), error, size);
	explicit_bzero(password, sizeof(password));
	return err;
}

static int check_tls(const struct config *c, char *error, size_t size)
{
	struct ssl_ctx_st *tls;

	if (!c->valkey_ca[0] && (c->valkey_cert[0] || c->valkey_key[0] || c->valkey_name[0])) {
		snprintf(error, size, "TlsCertificate, TlsKey and TlsName need TlsAuthority: without it there is no TLS");
		return -EINVAL;
	}
	if (!c->valkey_cert[0] != !c->valkey_key[0]) {
		snprintf(error, size, "TlsCertificate and TlsKey need each other");
		return -EINVAL;
	}
	if (!c->valkey_ca[0])
		return 0;
	tls = server_tls_new(c->valkey_ca, c->valkey_cert, c->valkey_key, error, size);
	if (!tls)
		return -EINVAL;
	server_tls_free(tls);
	return 0;
}

/**
 * config_check_registry() - do the keys of [Registry] fit together
 * @c: all of the configuration
 * @error: receives what is wrong
 * @size: of @error
 *
 * Return: 0 or a negative errno.
 */
int config_check_registry(const struct config *c, char *error, size_t size)
{
	char why[200];

	if (c->controller[0] && (c->valkey || !c->cluster[0])) {
		snprintf(error, size, c->valkey ?
			 "Controller=%s in [Cluster] is for Engine=local; with Valkey it is elected" :
			 "Controller=%s in [Cluster] needs Name", c->controller);
		return -EINVAL;
	}
	if (!c->valkey) {
		if (!c->valkey_servers[0])
			return 0;
		snprintf(error, size, "Servers is for Engine=valkey; the engine is local");
		return -EINVAL;
	}
	if (!c->valkey_servers[0]) {
		snprintf(error, size, "Engine=valkey needs Servers");
		return -EINVAL;
	}
	if (!valkey_good_servers(c->valkey_servers, why, sizeof(why))) {
		snprintf(error, size, "Servers: %s", why);
		return -EINVAL;
	}
	if (!c->cluster[0] || !c->node[0]) {
		snprintf(error, size, "Engine=valkey needs Name and Node in [Cluster]");
		return -EINVAL;
	}
	if (strlen(c->cluster) >= ENTRY_CLUSTER || strpbrk(c->cluster, "{}:* ")) {
		snprintf(error, size, "the name of the cluster is part of keys: want at most %d characters, none of {}:* or blanks",
			 ENTRY_CLUSTER - 1);
		return -EINVAL;
	}
	return check_password(c, error, size) ?: check_tls(c, error, size);
}
