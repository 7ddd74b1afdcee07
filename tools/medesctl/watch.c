// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl watch: the module's events, a line each, until Ctrl-C.
 *
 * Two sockets: events come in on one, the other asks for sandboxes' names and,
 * when nothing has come for a while, whether the module is still there.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "json.h"
#include "link.h"
#include "parse.h"
#include "print.h"
#include "text.h"

#define SILENCE_MS 1000

struct watch {
	const struct args *args;
	struct medes_nl *ask;
	uint32_t id;			/* whose name is known */
	char name[MEDES_NAME_SIZE];
};

/* A sandbox's name; its number when it has gone. */
static const char *name_of(struct watch *w, uint32_t id)
{
	struct medes_sandbox sandbox;

	if (w->id == id)
		return w->name;
	w->id = id;
	snprintf(w->name, sizeof(w->name), "%" PRIu32, id);
	if (id && !medes_sandbox_get(w->ask, id, &sandbox)) {
		strcpy(w->name, medes_text_clean(sandbox.name));
		medes_sandbox_clear(&sandbox);
	}
	return w->name;
}

static const char *clock_text(char text[16])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, 16, "%H:%M:%S", localtime_r(&now, &tm));
	return text;
}

static json_t *event_json(const char *kind, json_t *value)
{
	return json_pack("{s:s,s:I,s:o}", "event", kind, "time", (json_int_t)time(NULL), kind, value);
}

static void show_op(struct watch *w, const struct medes_op *op)
{
	json_t *value = medes_json_op(op);
	char now[16];

	if (op->sandbox)
		json_object_set_new(value, "sandbox_name", json_string(name_of(w, op->sandbox)));
	print_line(w->args, event_json("op", value),
		   "%s op %u %s%s%s: %s, %" PRIu64 "/%" PRIu64 " pages, %" PRIu64 " %s%s%s",
		   clock_text(now), op->id, medes_op_kind_name(op->kind), op->sandbox ? " " : "",
		   op->sandbox ? name_of(w, op->sandbox) : "", medes_op_state_name(op->state),
		   op->done, op->total, op->stored,
		   op->kind >= MEDES_OP_KIND_RESTORE ? "restored" : "stored",
		   op->error ? ": " : "", op->error ? strerror(-op->error) : "");
}

static void show_sandbox(struct watch *w, struct medes_sandbox *sandbox)
{
	char now[16];

	print_line(w->args, event_json("sandbox", medes_json_sandbox(sandbox)),
		   "%s sandbox %s: %s, %" PRIu64 " pages deduplicated", clock_text(now),
		   medes_text_clean(sandbox->name), medes_sandbox_state_name(sandbox->state),
		   medes_stats_pages(&sandbox->stats));
}

static void show_loss(struct watch *w, const struct medes_loss *loss)
{
	char now[16];

	print_line(w->args, event_json("loss", medes_json_loss(loss)),
		   "%s LOST page 0x%" PRIx64 " of sandbox %s: %s record, %s", clock_text(now),
		   loss->address, loss->sandbox ? name_of(w, loss->sandbox) : "(none)",
		   medes_encoding_name(loss->encoding), medes_loss_reason_name(loss->reason));
}

static int on_event(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_sandbox sandbox;
	struct medes_loss loss;
	struct medes_op op;

	if (cmd == MEDES_CMD_OP_NTF && !medes_parse_op(nlh, &op))
		show_op(arg, &op);
	if (cmd == MEDES_CMD_LOSS_NTF && !medes_parse_loss(nlh, &loss))
		show_loss(arg, &loss);
	if (cmd == MEDES_CMD_SANDBOX_NTF && !medes_parse_sandbox(nlh, &sandbox)) {
		show_sandbox(arg, &sandbox);
		medes_sandbox_clear(&sandbox);
	}
	return 0;
}

static enum exit_code follow(struct watch *w, struct medes_nl *events)
{
	struct pollfd fd = { .fd = medes_nl_fd(events), .events = POLLIN };
	struct medes_features features;
	int n, err;

	while (!interrupted()) {
		n = poll(&fd, 1, SILENCE_MS);
		if (!n && medes_features_get(w->ask, &features)) {
			complain("the module has gone");
			return FAILED;
		}
		if (n <= 0)
			continue;
		err = medes_nl_receive(events, on_event, w);
		if (err == -ENOBUFS) {
			print_line(w->args, json_pack("{s:s}", "event", "overrun"),
				   "events were lost: more came than could be read");
		} else if (err < 0) {
			complain("%s", events->error);
			return FAILED;
		}
	}
	return DONE;
}

static enum exit_code watch(const struct args *args, const char *const *names, size_t n)
{
	struct watch w = { .args = args };
	struct medes_nl *events = link_open();
	enum exit_code code = FAILED;

	(void)names, (void)n;
	if (!events)
		return FAILED;
	if (medes_nl_subscribe(events)) {
		complain("%s", events->error);
		goto out;
	}
	w.ask = link_open();
	if (w.ask) {
		interrupt_catch();
		code = follow(&w, events);
	}
	link_close(w.ask);
out:
	link_close(events);
	return code;
}

const struct command watch_commands[] = {
	{ "watch", NULL, "", "the module's events as they come, until Ctrl-C", 0, 0, 0, 0, watch },
	{ .object = NULL },
};
