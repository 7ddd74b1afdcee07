// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection between controller and node can break when a request has been served, and before
 * its answer came through. The controller sends it again, with the same id: one that still
 * runs is waited for, one that has run is answered as before. So not even a request
 * that must not run twice is lost by a broken connection.
 *
 * What is kept is bounded, by time, number and bytes. One whose answer was too large says that
 * it has run; one that was dropped has been forgotten long after its sender gave up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>
#include "clock.h"
#include "json.h"
#include "replay.h"

#define KEPT_US (60 * US_PER_S)
#define KEPT_MAX 4096			/* that have ended */
#define BODY_MAX (256 << 10)
#define BODIES_MAX (16 << 20)

struct replay {
	UT_hash_handle hh;
	TAILQ_ENTRY(replay) link;	/* when it has ended */
	struct replays *of;
	char id[REPLAY_ID];
	void *running;
	uint64_t ended;			/* us */
	int status;
	struct evkeyvalq headers;
	struct evbuffer *body;		/* NULL: it was too large */
	size_t len;
};

struct replays {
	struct clock *clock;
	struct replay *by_id;
	TAILQ_HEAD(, replay) ended;	/* the oldest first */
	size_t n_ended;
	size_t bytes;
};

struct replays *replays_new(struct clock *clock)
{
	struct replays *rs = calloc(1, sizeof(*rs));

	if (!rs)
		return NULL;
	rs->clock = clock;
	TAILQ_INIT(&rs->ended);
	return rs;
}

/**
 * replay_forget() - it did not run, or nobody will ask any more
 * @re: freed
 */
void replay_forget(struct replay *re)
{
	struct replays *rs = re->of;

	if (!re->running) {
		TAILQ_REMOVE(&rs->ended, re, link);
		rs->n_ended--;
		rs->bytes -= re->len;
	}
	HASH_DEL(rs->by_id, re);
	evhttp_clear_headers(&re->headers);
	if (re->body)
		evbuffer_free(re->body);
	free(re);
}

void replays_free(struct replays *rs)
{
	struct replay *re, *next;

	if (!rs)
		return;
	HASH_ITER(hh, rs->by_id, re, next)
		replay_forget(re);
	free(rs);
}

/* The oldest go, until the bounds hold. */
static void expire(struct replays *rs)
{
	uint64_t now = clock_now(rs->clock);
	struct replay *re;

	while ((re = TAILQ_FIRST(&rs->ended)))
		if (now - re->ended > KEPT_US || rs->n_ended > KEPT_MAX || rs->bytes > BODIES_MAX)
			replay_forget(re);
		else
			break;
}

struct replay *replay_find(struct replays *rs, const char *id)
{
	struct replay *re;

	expire(rs);
	HASH_FIND_STR(rs->by_id, id, re);
	return re;
}

/**
 * replay_begin() - a request runs from now on
 * @rs: all of them
 * @id: which is not known yet
 * @running: the caller's, for whoever asks again meanwhile
 *
 * Return: NULL for lack of memory.
 */
struct replay *replay_begin(struct replays *rs, const char *id, void *running)
{
	struct replay *re = calloc(1, sizeof(*re));

	if (!re)
		return NULL;
	re->of = rs;
	re->running = running;
	snprintf(re->id, sizeof(re->id), "%s", id);
	TAILQ_INIT(&re->headers);
	HASH_ADD_STR(rs->by_id, id, re);
	return re;
}

void *replay_running(const struct replay *re)
{
	return re->running;
}

/**
 * replay_end() - it has been answered
 * @re: running; may be dropped by this
 * @status: of HTTP
 * @headers: copied
 * @body: copied, if it is not too large
 */
void replay_end(struct replay *re, int status, const struct evkeyvalq *headers,
		struct evbuffer *body)
{
	struct replays *rs = re->of;
	const struct evkeyval *header;
	size_t len = evbuffer_get_length(body);

	re->running = NULL;
	re->status = status;
	re->ended = clock_now(rs->clock);
	TAILQ_FOREACH(header, headers, next)
		evhttp_add_header(&re->headers, header->key, header->value);
	if (len <= BODY_MAX)
		re->body = evbuffer_new();
	if (re->body && !evbuffer_add(re->body, evbuffer_pullup(body, -1), len))
		re->len = len;
	TAILQ_INSERT_TAIL(&rs->ended, re, link);
	rs->n_ended++;
	rs->bytes += re->len;
	expire(rs);
}

/**
 * replay_refused() - it has run, and has no answer of its own
 * @re: running; may be dropped by this
 * @status: of HTTP
 * @why: a sentence
 */
void replay_refused(struct replay *re, int status, const char *why)
{
	json_t *object = json_pack("{s:o}", "error", medes_json_text(why));
	char *text = object ? json_dumps(object, MEDES_JSON_FLAGS) : NULL;
	struct evbuffer *body = evbuffer_new();
	struct evkeyvalq headers;

	TAILQ_INIT(&headers);
	evhttp_add_header(&headers, "Content-Type", "application/json");
	if (body && text) {
		evbuffer_add_printf(body, "%s\n", text);
		replay_end(re, status, &headers, body);
	} else {
		replay_forget(re);
	}
	evhttp_clear_headers(&headers);
	if (body)
		evbuffer_free(body);
	free(text);
	json_decref(object);
}

/**
 * replay_answer() - answer as the first time
 * @re: has ended
 * @r: the same request again; freed
 */
void replay_answer(struct replay *re, struct request *r)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->http);
	struct evbuffer *body;
	const struct evkeyval *header;

	if (!re->body) {
		http_refuse(r, 409, "this request has run; its answer was too large to be kept");
		return;
	}
	TAILQ_FOREACH(header, &re->headers, next)
		evhttp_add_header(headers, header->key, header->value);
	body = evbuffer_new();
	if (body)
		evbuffer_add_buffer_reference(body, re->body);
	http_reply_raw(r, re->status, body);
	if (body)
		evbuffer_free(body);
}
