// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS 1.3 with the cluster's own authority and no other. A node's certificate has the name
 * medes://CLUSTER/NODE, which both sides demand: whoever connects wants to reach a certain
 * node, who is connected to learns which one it is. So a certificate of a node is good for being
 * that node only, and one of another cluster, even of the same authority, for nothing.
 *
 * No session is resumed, so every connection goes through all of this.
 *
 * Why a connection was refused is said in the log of the side that refused it, and the other
 * one knows at least the alert. What strangers can write into the log is bounded: a line a second.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "log.h"
#include "text.h"
#include "tls.h"

#define SCHEME "medes://"
#define SOON_DAYS 30

struct tls {
	SSL_CTX *ctx;
	char cluster[MEDES_NAME_SIZE];
	char node[MEDES_NAME_SIZE];
	uint64_t refused;
	uint64_t silent;		/* of these, since the last line in the log */
	time_t said;
};

/* What a connection is to be, and what it was found to be. */
struct session {
	const struct tls *tls;
	char want[MEDES_NAME_SIZE];	/* empty: any node of the cluster */
	char name[MEDES_NAME_SIZE];	/* empty: not proved */
	char why[TLS_WHY];
};

static int session_index = -1;

static void session_free(void *parent, void *session, CRYPTO_EX_DATA *ad, int i, long l, void *p)
{
	(void)parent, (void)ad, (void)i, (void)l, (void)p;
	free(session);
}

static struct session *session_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, session_index);
}

/* The node that a certificate is of; false: of none of this cluster. */
static bool node_of(const X509 *certificate, const char *cluster, char node[MEDES_NAME_SIZE])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char prefix[sizeof(SCHEME) + MEDES_NAME_SIZE + 1];
	const GENERAL_NAME *name;
	const char *text;
	bool found = false;
	size_t skip;
	int i, len;

	skip = snprintf(prefix, sizeof(prefix), SCHEME "%s/", cluster);
	for (i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		text = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
		len = ASN1_STRING_length(name->d.uniformResourceIdentifier);
		if (len <= (int)skip || memcmp(text, prefix, skip))
			continue;
		/* a zero inside must not end the name early */
		if ((size_t)len - skip >= MEDES_NAME_SIZE || memchr(text, '\0', len))
			continue;
		memcpy(node, text + skip, len - skip);
		node[len - skip] = '\0';
		found = medes_name_valid(node);
	}
	GENERAL_NAMES_free(names);
	return found;
}

static int on_verify(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct session *s = session_of(ssl);
	char name[MEDES_NAME_SIZE];

	if (!good) {
		snprintf(s->why, sizeof(s->why), "its certificate is no good: %s",
			 X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
		return 0;
	}
	if (X509_STORE_CTX_get_error_depth(store))
		return 1;
	if (!node_of(X509_STORE_CTX_get_current_cert(store), s->tls->cluster, name)) {
		snprintf(s->why, sizeof(s->why), "its certificate is none of a node of the cluster %s",
			 s->tls->cluster);
	} else if (s->want[0] && strcmp(s->want, name)) {
		snprintf(s->why, sizeof(s->why), "its certificate is of node %s, not of %s", name,
			 s->want);
	} else {
		strcpy(s->name, name);
		return 1;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static void on_info(const SSL *ssl, int where, int value)
{
	struct session *s = session_of(ssl);

	if (s && (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL &&
	    !s->why[0])
		snprintf(s->why, sizeof(s->why), "it refused us: %s", SSL_alert_desc_string_long(value));
}

/* Is a key nobody else's to read? */
static int check_mode(const char *path, char *error, size_t size)
{
	struct stat st;

	if (stat(path, &st)) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (!(st.st_mode & 077))
		return 0;
	snprintf(error, size, "%s: others can read it; run: chmod 600 %s", path, path);
	return -EPERM;
}

static void warn_of_end(const X509 *certificate, const char *path)
{
	int days = 0, seconds = 0;

	if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
		return;
	if (days < 0 || seconds < 0)
		log_error("%s: expired; no other node will talk to this one: make a new one with: medesctl cluster certificate",
			  path);
	else if (days < SOON_DAYS)
		log_warning("%s: expires in %d days; make a new one with: medesctl cluster certificate",
			    path, days);
}

static int load(struct tls *tls, const char *directory, char *error, size_t size)
{
	char ca[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX], name[MEDES_NAME_SIZE];
	const char *bad = NULL;

	snprintf(ca, sizeof(ca), "%s/ca.pem", directory);
	snprintf(certificate, sizeof(certificate), "%s/%s.pem", directory, tls->node);
	snprintf(key, sizeof(key), "%s/%s.key", directory, tls->node);
	if (check_mode(key, error, size))
		return -1;
	ERR_clear_error();
	if (!SSL_CTX_load_verify_locations(tls->ctx, ca, NULL))
		bad = ca;
	else if (!SSL_CTX_use_certificate_file(tls->ctx, certificate, SSL_FILETYPE_PEM))
		bad = certificate;
	else if (!SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) ||
		 !SSL_CTX_check_private_key(tls->ctx))
		bad = key;
	if (bad) {
		snprintf(error, size, "%s: %s", bad, ERR_reason_error_string(ERR_get_error()));
		return -1;
	}
	if (!node_of(SSL_CTX_get0_certificate(tls->ctx), tls->cluster, name) ||
	    strcmp(name, tls->node)) {
		snprintf(error, size, "%s: is not the certificate of node %s of the cluster %s",
			 certificate, tls->node, tls->cluster);
		return -1;
	}
	warn_of_end(SSL_CTX_get0_certificate(tls->ctx), certificate);
	return 0;
}

/**
 * tls_new() - be a node of a cluster
 * @directory: holds ca.pem, NODE.pem and NODE.key
 * @cluster: its name
 * @node: our name
 * @error: receives why not
 * @size: of @error, bytes
 */
struct tls *tls_new(const char *directory, const char *cluster, const char *node, char *error,
		    size_t size)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (session_index < 0)
		session_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, session_free);
	if (tls)
		tls->ctx = SSL_CTX_new(TLS_method());
	if (!tls || !tls->ctx || session_index < 0) {
		snprintf(error, size, "no memory for TLS");
		goto err_free;
	}
	snprintf(tls->cluster, sizeof(tls->cluster), "%s", cluster);
	snprintf(tls->node, sizeof(tls->node), "%s", node);
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(tls->ctx, 0);
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	SSL_CTX_set_info_callback(tls->ctx, on_info);
	if (!load(tls, directory, error, size))
		return tls;
err_free:
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

static struct bufferevent *make(struct tls *tls, struct event_base *events, const char *want,
				enum bufferevent_ssl_state state)
{
	struct session *s = calloc(1, sizeof(*s));
	SSL *ssl = SSL_new(tls->ctx);
	struct bufferevent *bev;

	if (!s || !ssl || !SSL_set_ex_data(ssl, session_index, s)) {
		free(s);
		SSL_free(ssl);
		return NULL;
	}
	s->tls = tls;
	snprintf(s->want, sizeof(s->want), "%s", want);
	bev = bufferevent_openssl_socket_new(events, -1, ssl, state, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		SSL_free(ssl);
	else
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

struct bufferevent *tls_accept(struct event_base *events, void *arg)
{
	return make(arg, events, "", BUFFEREVENT_SSL_ACCEPTING);
}

struct bufferevent *tls_connect(struct tls *tls, struct event_base *events, const char *node)
{
	return make(tls, events, node, BUFFEREVENT_SSL_CONNECTING);
}

/**
 * tls_peer() - who is at the other end
 * @bev: of tls_accept() or tls_connect()
 *
 * Return: the node's name, proved; NULL when it has not proved anything.
 */
const char *tls_peer(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	const struct session *s = ssl ? session_of(ssl) : NULL;

	return s && s->name[0] && SSL_is_init_finished(ssl) ? s->name : NULL;
}

/* Has the other end ever proved who it is? Before that nothing was sent to it. */
bool tls_proved(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	const struct session *s = ssl ? session_of(ssl) : NULL;

	return s && s->name[0];
}

/**
 * tls_why() - why a connection failed
 * @ssl: of it
 * @error: that bufferevent_get_openssl_error() gave, or 0
 * @why: receives it
 *
 * Return: @why, or NULL when it was not for TLS.
 */
const char *tls_why(SSL *ssl, unsigned long error, char why[TLS_WHY])
{
	const struct session *s = session_of(ssl);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (s && s->why[0])
		snprintf(why, TLS_WHY, "%s", s->why);
	else if (reason)
		snprintf(why, TLS_WHY, "%s", reason);
	else
		return NULL;
	return why;
}

/**
 * tls_closed() - a connection that came in has gone
 * @bev: of tls_accept(); it is told and counted if it never was a node's
 * @arg: the tls
 */
void tls_closed(struct bufferevent *bev, void *arg)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	struct tls *tls = arg;
	char why[TLS_WHY];
	time_t now = time(NULL);

	/* a connection that has been shut down does not count as established any more */
	if (!ssl || session_of(ssl)->name[0] || SSL_is_init_finished(ssl))
		return;
	if (!tls_why(ssl, bufferevent_get_openssl_error(bev), why))
		strcpy(why, "it said nothing that TLS understands");
	tls->refused++;
	if (now == tls->said) {
		tls->silent++;
		return;
	}
	log_warning("refused a connection to the cluster's port: %s%s", why,
		    tls->silent ? "; others before it, too" : "");
	tls->said = now;
	tls->silent = 0;
}

uint64_t tls_refused(const struct tls *tls)
{
	return tls->refused;
}
