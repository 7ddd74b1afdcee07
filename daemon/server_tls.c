// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS to Valkey. hiredis_ssl does the handshake in the event loop; the context is our own, since
 * hiredis's would accept any server that has a certificate of the authority, whatever
 * name stands in it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include "server.h"

static const char *reason(void)
{
	unsigned long error = ERR_peek_error();	/* the first: the others say where it led to */
	const char *text = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) :
			   ERR_reason_error_string(error);

	ERR_clear_error();
	return text ? text : "cannot be read";
}

static bool load_own(SSL_CTX *tls, const char *cert, const char *key, char *error, size_t size)
{
	if (!*cert && !*key)
		return true;
	if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
		snprintf(error, size, "certificate %s: %s", cert, reason());
	else if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		snprintf(error, size, "key %s: %s", key, reason());
	else if (SSL_CTX_check_private_key(tls) != 1)
		snprintf(error, size, "key %s is not that of certificate %s", key, cert);
	else
		return true;
	return false;
}

/**
 * server_tls_new() - what TLS needs, from files in PEM form
 * @ca: certificates of who signs the servers'
 * @cert: our own certificate, empty for none
 * @key: its key
 * @error: receives what is wrong
 * @size: of @error
 *
 * Return: the context, or NULL.
 */
struct ssl_ctx_st *server_tls_new(const char *ca, const char *cert, const char *key,
				  char *error, size_t size)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls) {
		snprintf(error, size, "no TLS: %s", reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1)
		snprintf(error, size, "authority %s: %s", ca, reason());
	else if (load_own(tls, cert, key, error, size))
		return tls;
	SSL_CTX_free(tls);
	return NULL;
}

void server_tls_free(struct ssl_ctx_st *tls)
{
	SSL_CTX_free(tls);
}

/**
 * server_tls_begin() - have a new connection speak TLS
 * @s: the server; nothing was sent yet
 *
 * Return: false for lack of memory, or for a bad certificate that is known at once; most end
 * the connection later.
 */
bool server_tls_begin(struct server *s)
{
	const char *name = *s->common->name ? s->common->name : s->host;
	unsigned char address[sizeof(struct in6_addr)];
	bool numeric = inet_pton(AF_INET, name, address) == 1 ||
		       inet_pton(AF_INET6, name, address) == 1;
	SSL *ssl = s->common->tls ? SSL_new(s->common->tls) : NULL;
	int good;

	s->verified = X509_V_OK;
	if (!s->common->tls)
		return true;
	if (!ssl)
		return false;
	if (numeric)
		good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	else
		good = SSL_set1_host(ssl, name) && SSL_set_tlsext_host_name(ssl, name);
	if (good && redisInitiateSSL(&s->context->c, ssl) == REDIS_OK) {
		s->ssl = ssl;
		return true;
	}
	/* a server that answers at once may be refused here already */
	s->verified = SSL_get_verify_result(ssl);
	SSL_free(ssl);
	return false;
}

/* Why the server was not trusted, as far as that is the reason; hiredis does not tell. */
const char *server_tls_reason(const struct server *s)
{
	long result = s->ssl ? SSL_get_verify_result(s->ssl) : s->verified;

	return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}
