// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects of the protocol as JSON.
 *
 * Every name passes medes_text_clean(): the kernel takes any bytes for a name,
 * JSON and terminals do not. Numbers are plain integers except ids of bases.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "json.h"
#include "share.h"
#include "text.h"

json_t *medes_json_text(const char *text)
{
	char clean[1024];

	snprintf(clean, sizeof(clean), "%s", text);
	return json_string(medes_text_clean(clean));
}

json_t *medes_json_id(uint64_t id)
{
	char text[MEDES_TEXT_SIZE];

	return json_string(medes_text_id(text, id));
}

static void set_u64(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, medes_json_text(text));
}

json_t *medes_json_stats(const struct medes_stats *stats)
{
	json_t *object = json_object();
	unsigned int i;

	for (i = 1; i <= MEDES_A_STATS_MAX; i++)
		set_u64(object, medes_stat_name(i), stats->v[i]);
	return object;
}

/* What the deduplicated pages were, what is kept in their place. */
static void set_savings(json_t *object, uint64_t pages, uint64_t page_size, uint64_t kept)
{
	uint64_t original = pages * page_size;
	double saved = original ? 100.0 - 100.0 * (double)kept / (double)original : 0;
	/* two decimals are more than the figure is good for */
	long long hundredths = saved * 100 + (saved < 0 ? -0.5 : 0.5);

	set_u64(object, "original_bytes", original);
	set_u64(object, "kept_bytes", kept);
	json_object_set_new(object, "saved_percent", json_real(hundredths / 100.0));
}

json_t *medes_json_features(const struct medes_features *f)
{
	json_t *object = json_object(), *encodings = json_array(), *modes = json_array();
	unsigned int i;

	json_object_set_new(object, "instance", medes_json_id(f->instance));
	set_u64(object, "page_size", f->page_size);
	for (i = 0; i < 32; i++)
		if (f->encodings & 1u << i)
			json_array_append_new(encodings, json_string(medes_encoding_name(i)));
	json_object_set_new(object, "encodings", encodings);
	for (i = 0; i < 32; i++)
		if (f->modes & 1u << i)
			json_array_append_new(modes, json_string(medes_mode_name(i)));
	json_object_set_new(object, "modes", modes);
	set_u64(object, "record_format", f->record_format);
	set_u64(object, "sketch_format", f->sketch_format);
	set_u64(object, "chunk_bytes", f->chunk_bytes);
	set_u64(object, "max_device_pages", f->max_device_pages);
	set_u64(object, "max_base_bytes", f->max_base_bytes);
	set_u64(object, "max_record_bytes", f->max_record_bytes);
	return object;
}

/**
 * medes_json_totals() - what the whole module keeps and saves
 * @f: the module's answer to features-get
 *
 * Kept are the records, the struct pages behind deduplicated pages and the
 * bases: all that the module's memory costs because of them.
 */
json_t *medes_json_totals(const struct medes_features *f)
{
	json_t *object = json_object();
	const uint64_t *v = f->stats.v;

	json_object_set_new(object, "stats", medes_json_stats(&f->stats));
	set_savings(object, medes_stats_pages(&f->stats), f->page_size,
		    v[MEDES_A_STATS_RECORD_BYTES] + v[MEDES_A_STATS_DEVICE_PAGE_BYTES] +
		    v[MEDES_A_STATS_BASE_BYTES]);
	json_object_set_new(object, "instance", medes_json_id(f->instance));
	return object;
}

/**
 * medes_json_sandbox() - one sandbox
 * @s: the sandbox
 *
 * Its kept bytes are its records and struct pages. Bases serve many sandboxes
 * and are counted in the totals only.
 */
json_t *medes_json_sandbox(const struct medes_sandbox *s)
{
	json_t *object = json_object(), *processes = json_array();
	const uint64_t *v = s->stats.v;
	size_t i;

	set_u64(object, "id", s->id);
	set_text(object, "name", s->name);
	set_text(object, "domain", s->domain);
	set_text(object, "function", s->function);
	set_text(object, "state", medes_sandbox_state_name(s->state));
	for (i = 0; i < s->n_processes; i++)
		json_array_append_new(processes, json_pack("{s:I,s:I}",
							   "pid", (json_int_t)s->processes[i].pid,
							   "mm", (json_int_t)s->processes[i].mm));
	json_object_set_new(object, "processes", processes);
	json_object_set_new(object, "stats", medes_json_stats(&s->stats));
	set_savings(object, medes_stats_pages(&s->stats), sysconf(_SC_PAGESIZE),
		    v[MEDES_A_STATS_RECORD_BYTES] + v[MEDES_A_STATS_DEVICE_PAGE_BYTES]);
	return object;
}

static json_t *replicas_of(const struct medes_base *b)
{
	json_t *array = json_array(), *object;
	size_t i;

	for (i = 0; i < b->n_replicas; i++) {
		const struct medes_replica *r = &b->replicas[i];

		object = json_object();
		set_u64(object, "peer", r->peer);
		set_text(object, "state", medes_replica_state_name(r->state));
		json_object_set_new(object, "base", medes_json_id(r->base));
		json_object_set_new(object, "generation", medes_json_id(r->generation));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *medes_json_base(const struct medes_base *b)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", medes_json_id(b->id));
	set_text(object, "name", b->name);
	set_text(object, "domain", b->domain);
	set_text(object, "function", b->function);
	set_u64(object, "pages", b->pages);
	set_u64(object, "used_pages", b->used_pages);
	set_u64(object, "users", b->users);
	set_u64(object, "bytes", b->bytes);
	if (b->generation) {
		json_object_set_new(object, "generation", medes_json_id(b->generation));
		set_u64(object, "leases", b->leases);
	}
	if (b->n_replicas) {
		set_u64(object, "cached", b->cached);
		json_object_set_new(object, "replicas", replicas_of(b));
	}
	return object;
}

json_t *medes_json_op(const struct medes_op *op)
{
	json_t *object = json_object();

	set_u64(object, "id", op->id);
	set_text(object, "kind", medes_op_kind_name(op->kind));
	set_text(object, "state", medes_op_state_name(op->state));
	set_u64(object, "sandbox", op->sandbox);
	set_u64(object, "mm", op->mm);
	if (op->base)
		json_object_set_new(object, "base", medes_json_id(op->base));
	set_u64(object, "total", op->total);
	set_u64(object, "done", op->done);
	set_u64(object, "stored", op->stored);
	set_u64(object, "lost", op->lost);
	if (op->kind == MEDES_OP_KIND_RESTORE)
		json_object_set_new(object, "working_set", json_boolean(op->working_set));
	json_object_set_new(object, "error", op->error ? medes_json_text(strerror(-op->error)) :
			    json_null());
	set_u64(object, "elapsed_ns", op->elapsed_ns);
	return object;
}

json_t *medes_json_record(const struct medes_record *record)
{
	char address[MEDES_TEXT_SIZE];
	json_t *object = json_object();

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)record->address);
	set_u64(object, "sandbox", record->sandbox);
	set_u64(object, "mm", record->mm);
	set_text(object, "address", address);
	set_text(object, "place", medes_place_name(record->place));
	if (record->place != MEDES_PLACE_RECORD)
		return object;
	set_text(object, "encoding", medes_encoding_name(record->encoding));
	set_u64(object, "len", record->len);
	if (record->base) {
		json_object_set_new(object, "base", medes_json_id(record->base));
		set_u64(object, "index", record->index);
	}
	json_object_set_new(object, "lost", json_boolean(record->lost));
	return object;
}

json_t *medes_json_loss(const struct medes_loss *loss)
{
	json_t *object = json_object();

	set_u64(object, "sandbox", loss->sandbox);
	json_object_set_new(object, "address", medes_json_id(loss->address));
	set_text(object, "encoding", medes_encoding_name(loss->encoding));
	if (loss->base) {
		json_object_set_new(object, "base", medes_json_id(loss->base));
		set_u64(object, "index", loss->index);
	}
	set_text(object, "reason", medes_loss_reason_name(loss->reason));
	return object;
}
