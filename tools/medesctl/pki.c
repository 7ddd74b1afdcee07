// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A cluster has an authority of its own, so that its certificates say one thing only: this is
 * node N of cluster C (medes://C/N, what daemon/tls.c asks for). Keys are on the curve P-256.
 *
 * No file is ever overwritten, all have mode 0600, and what an interrupted command has
 * left behind is removed. The authority's key is needed to make certificates, not to use them:
 * it belongs on one machine, not on the nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include "pki.h"
#include "text.h"

#define CA_DAYS 3650
#define KEY_LEN 32
#define SERIAL_BITS 127
#define SECONDS_A_DAY 86400L
/* clocks differ */
#define BEFORE_SECONDS (-3600L)

static void complain_ssl(const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_get_error());

	complain("%s: %s", what, reason ? reason : "OpenSSL does not say why");
}

/* A new file; NULL after a complaint. */
static FILE *create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file)
		return file;
	complain(errno == EEXIST ? "%s exists; nothing is overwritten" : "%s: %s", path,
		 strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Done with a file: true when all of it is on disk, else it is removed. */
static bool finish(FILE *file, const char *path, bool good)
{
	good = good && !fflush(file) && !fsync(fileno(file));
	if (!good)
		complain("%s cannot be written: %s", path, strerror(errno));
	fclose(file);
	if (!good)
		unlink(path);
	return good;
}

static bool write_key(const char *path, EVP_PKEY *key)
{
	FILE *file = create(path);

	return file && finish(file, path, PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
}

static bool write_certificate(const char *path, X509 *certificate)
{
	FILE *file = create(path);

	return file && finish(file, path, PEM_write_X509(file, certificate));
}

static bool write_secret(const char *path)
{
	unsigned char key[KEY_LEN];
	FILE *file;
	bool good;

	if (RAND_priv_bytes(key, sizeof(key)) != 1) {
		complain_ssl("no random numbers");
		return false;
	}
	file = create(path);
	good = file && finish(file, path, fwrite(key, sizeof(key), 1, file) == 1);
	OPENSSL_cleanse(key, sizeof(key));
	return good;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool good;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	good = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}

static bool set_name(X509_NAME *name, const char *cluster, const char *common)
{
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)cluster,
					  -1, -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common,
					  -1, -1, 0);
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool good = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
		    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

	BN_free(number);
	return good;
}

/* Everything but extensions and signature. */
static X509 *begin(EVP_PKEY *key, const char *cluster, const char *common, long days)
{
	X509 *made = X509_new();

	if (made && X509_set_version(made, X509_VERSION_3) && set_serial(made) &&
	    X509_gmtime_adj(X509_getm_notBefore(made), BEFORE_SECONDS) &&
	    X509_gmtime_adj(X509_getm_notAfter(made), days * SECONDS_A_DAY) &&
	    X509_set_pubkey(made, key) && set_name(X509_get_subject_name(made), cluster, common))
		return made;
	X509_free(made);
	return NULL;
}

static X509 *make_authority(EVP_PKEY *key, const char *cluster)
{
	X509 *ca = begin(key, cluster, "Medes cluster authority", CA_DAYS);

	if (ca && X509_set_issuer_name(ca, X509_get_subject_name(ca)) &&
	    add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(ca, ca, NID_key_usage, "critical,keyCertSign") &&
	    add_extension(ca, ca, NID_subject_key_identifier, "hash") &&
	    X509_sign(ca, key, EVP_sha256()))
		return ca;
	X509_free(ca);
	return NULL;
}

static X509 *make_node(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *cluster,
		       const char *node, unsigned int days)
{
	char uri[2 * MEDES_NAME_SIZE + 32];
	X509 *made = begin(key, cluster, node, days);

	snprintf(uri, sizeof(uri), "URI:medes://%s/%s", cluster, node);
	if (made && X509_set_issuer_name(made, X509_get_subject_name(ca)) &&
	    add_extension(made, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(made, ca, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(made, ca, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    add_extension(made, ca, NID_authority_key_identifier, "keyid:always") &&
	    add_extension(made, ca, NID_subject_alt_name, uri) &&
	    X509_sign(made, ca_key, EVP_sha256()))
		return made;
	X509_free(made);
	return NULL;
}

/* None of these may be there yet. */
static bool all_new(const char *const paths[], size_t n)
{
	struct stat st;

	for (; n; n--, paths++) {
		if (lstat(*paths, &st))
			continue;
		complain("%s exists; nothing is overwritten", *paths);
		return false;
	}
	return true;
}

static bool make_directory(const char *path)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return true;
	complain("%s: %s", path, strerror(errno));
	return false;
}

/**
 * pki_init() - make a cluster's authority and key
 * @directory: where; made if its parent is there
 * @cluster: its name, valid
 */
enum exit_code pki_init(const char *directory, const char *cluster)
{
	char paths[3][PATH_MAX];
	const char *const all[] = { paths[0], paths[1], paths[2] };
	EVP_PKEY *key = NULL;
	X509 *ca = NULL;
	size_t done = 0;

	snprintf(paths[0], PATH_MAX, "%s/ca.key", directory);
	snprintf(paths[1], PATH_MAX, "%s/ca.pem", directory);
	snprintf(paths[2], PATH_MAX, "%s/cluster.key", directory);
	if (!make_directory(directory) || !all_new(all, ARRAY_SIZE(all)))
		return FAILED;
	key = EVP_EC_gen("P-256");
	ca = key ? make_authority(key, cluster) : NULL;
	if (!ca) {
		complain_ssl("cannot make the authority");
	} else if (write_key(paths[0], key) && ++done && write_certificate(paths[1], ca) && ++done &&
		   write_secret(paths[2])) {
		done++;
	}
	X509_free(ca);
	EVP_PKEY_free(key);
	if (done == ARRAY_SIZE(all))
		return DONE;
	while (done)
		unlink(paths[--done]);
	return FAILED;
}

static X509 *read_authority(const char *directory, EVP_PKEY **key)
{
	char path[PATH_MAX];
	X509 *ca = NULL;
	FILE *file;

	*key = NULL;
	snprintf(path, sizeof(path), "%s/ca.pem", directory);
	file = fopen(path, "re");
	if (file) {
		ca = PEM_read_X509(file, NULL, NULL, NULL);
		fclose(file);
	}
	if (!ca) {
		complain("%s: %s; make an authority with: medesctl cluster init NAME", path,
			 file ? "no certificate" : strerror(errno));
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/ca.key", directory);
	file = fopen(path, "re");
	if (file) {
		*key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		fclose(file);
	}
	if (*key && X509_check_private_key(ca, *key))
		return ca;
	complain("%s: %s; certificates are made where the authority's key is", path,
		 !file ? strerror(errno) : *key ? "not the key of ca.pem" : "no key");
	EVP_PKEY_free(*key);
	X509_free(ca);
	return NULL;
}

/* The authority says which cluster it is of. */
static bool cluster_of(X509 *ca, char name[MEDES_NAME_SIZE])
{
	int len = X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_organizationName, name,
					    MEDES_NAME_SIZE);

	if (len > 0 && len < MEDES_NAME_SIZE && medes_name_valid(name))
		return true;
	complain("ca.pem names no cluster: it was not made by medesctl cluster init");
	return false;
}

/**
 * pki_certificate() - make a node's key and certificate
 * @directory: where the authority is, and where they go
 * @node: its name, valid
 * @days: that the certificate holds
 */
enum exit_code pki_certificate(const char *directory, const char *node, unsigned int days)
{
	char key_path[PATH_MAX], path[PATH_MAX], cluster[MEDES_NAME_SIZE];
	const char *const all[] = { key_path, path };
	EVP_PKEY *ca_key, *key = NULL;
	X509 *ca, *made = NULL;
	enum exit_code code = FAILED;

	snprintf(key_path, sizeof(key_path), "%s/%s.key", directory, node);
	snprintf(path, sizeof(path), "%s/%s.pem", directory, node);
	ca = read_authority(directory, &ca_key);
	if (!ca)
		return FAILED;
	if (!cluster_of(ca, cluster) || !all_new(all, ARRAY_SIZE(all)))
		goto out;
	key = EVP_EC_gen("P-256");
	if (key)
		made = make_node(key, ca, ca_key, cluster, node, days);
	if (!made) {
		complain_ssl("cannot make the certificate");
	} else if (write_key(key_path, key)) {
		if (write_certificate(path, made))
			code = DONE;
		else
			unlink(key_path);
	}
out:
	X509_free(made);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	X509_free(ca);
	return code;
}
