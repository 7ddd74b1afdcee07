/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS between the daemons of a cluster: both sides prove by certificate which node of the
 * cluster they are.
 */
#ifndef MEDESD_TLS_H
#define MEDESD_TLS_H

#include <event2/bufferevent.h>
#include <openssl/ssl.h>
#include "medes.h"

#define TLS_WHY 200

struct tls;

struct tls *tls_new(const char *directory, const char *cluster, const char *node, char *error,
		    size_t size);
void tls_free(struct tls *tls);

/* Of a connection that comes in, tls being arg; bufferevent is NULL for lack of memory. */
struct bufferevent *tls_accept(struct event_base *events, void *arg);
/* To be connected; the other side has to be that node. */
struct bufferevent *tls_connect(struct tls *tls, struct event_base *events, const char *node);

bool tls_proved(struct bufferevent *bev);
const char *tls_peer(struct bufferevent *bev);
void tls_closed(struct bufferevent *bev, void *arg);
const char *tls_why(SSL *ssl, unsigned long error, char why[TLS_WHY]);
uint64_t tls_refused(const struct tls *tls);

#endif /* MEDESD_TLS_H */
