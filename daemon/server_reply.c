// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replies that are taken piece by piece. hiredis makes an object of each part of a reply,
 * and a copy of its bytes; an MGET of buckets has hundreds of thousands of parts a second, all
 * of which are looked through once and freed. So parts of an array are shown to whoever
 * sent the command, where they are in the reader's buffer, if he wants them so.
 *
 * Everything else is left to hiredis. The reply that comes is the first callback's that is due.
 */
#include <hiredis/hiredis.h>
#include "server.h"

static const redisReplyObjectFunctions *standard;

static bool shown(const redisReadTask *task, const char *text, size_t len)
{
	const redisAsyncContext *context = task->privdata;
	const struct server *s = context->data;
	const redisCallback *next = context->replies.head;

	if (!s || !task->parent || task->parent->parent ||
	    task->parent->type != REDIS_REPLY_ARRAY || !next || next->fn != s->common->taker)
		return false;
	return s->common->part(next->privdata, task->idx, text, len);
}

/* Any object will do for one that was shown: none is put into the array. */
static void *on_string(const redisReadTask *task, char *text, size_t len)
{
	return task->type == REDIS_REPLY_STRING && shown(task, text, len) ? task->parent->obj :
		standard->createString(task, text, len);
}

static void *on_nil(const redisReadTask *task)
{
	return shown(task, NULL, 0) ? task->parent->obj : standard->createNil(task);
}

/**
 * server_reply_attach() - have parts of a connection's replies shown
 * @context: the connection, whose data is the server
 */
void server_reply_attach(redisAsyncContext *context)
{
	static redisReplyObjectFunctions functions;
	redisReader *reader = context->c.reader;

	if (!standard) {
		standard = reader->fn;
		functions = *standard;
		functions.createString = on_string;
		functions.createNil = on_nil;
	}
	reader->fn = &functions;
	reader->privdata = context;
}
