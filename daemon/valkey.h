/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of a Valkey cluster, in the event loop: commands go to the server that has their
 * key's slot, follow it when it moves, and are answered, or given up, in time.
 *
 * A single server without cluster mode, and Redis 7, are served as well.
 */
#ifndef MEDESD_VALKEY_H
#define MEDESD_VALKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

struct valkey;
struct valkey_request;

enum valkey_result {
	VALKEY_OK,
	VALKEY_ERROR,			/* the reply is an error */
	VALKEY_LATE,			/* no answer in time; it may have been carried out */
	VALKEY_DOWN,			/* no server for it, or the connection broke */
};

struct valkey_settings {
	const char *servers;		/* ADDRESS:PORT, numeric, separated by blanks */
	const char *user;		/* empty: the default user */
	const char *password;		/* empty: no authentication */
	const char *ca, *cert, *key;	/* files; ca empty: no TLS */
	const char *name;		/* in the servers' certificates; empty: their address */
	unsigned int timeout;		/* ms */
};

/*
 * Takes a part of an array that answers a command, as soon as it has come; text is NULL when there is no
 * value. Part by part, from the loop, and no more after the command was told late.
 */
typedef void (*valkey_part_fn)(size_t at, const char *text, size_t len, void *arg);

/* A command: the key that decides where it goes, and what hiredis made of it. */
struct valkey_command {
	const char *key;
	size_t key_len;
	char *text;			/* of malloc() or redisFormatCommand(); taken over */
	size_t len;
	valkey_part_fn part;		/* then the array has no strings; NULL: it has */
};

/* reply is NULL unless VALKEY_OK or VALKEY_ERROR. Called once, never from valkey_send(). */
typedef void (*valkey_fn)(enum valkey_result result, const redisReply *reply, void *arg);

struct valkey_stats {
	unsigned int servers;		/* that have slots */
	unsigned int ready;		/* of them, connected */
	unsigned int open;		/* of them, with the breaker not closed */
	unsigned long opened;		/* breakers, ever */
	unsigned long sent, late, failed, refused, redirected;
	char error[160];		/* the last that was heard; empty: none */
};

struct valkey *valkey_new(struct event_base *events, const struct valkey_settings *settings,
			  char *error, size_t size);
void valkey_free(struct valkey *v);

struct valkey_request *valkey_send(struct valkey *v, const struct valkey_command *command,
				   valkey_fn fn, void *arg);
struct valkey_request *valkey_sendf(struct valkey *v, const char *key, valkey_fn fn, void *arg,
				    const char *format, ...);
void valkey_forget(struct valkey_request *request);
void valkey_flush(struct valkey *v);

void valkey_stats(const struct valkey *v, struct valkey_stats *out);
bool valkey_good_servers(const char *servers, char *error, size_t size);

/* CLOCK_BOOTTIME, us: it does not step, and goes on while the machine sleeps. */
uint64_t valkey_now(void);

#endif /* MEDESD_VALKEY_H */
