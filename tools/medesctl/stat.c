// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl stat: what the module keeps and saves now.
 */
#include "json.h"
#include "link.h"
#include "print.h"

static const struct view totals_view = {
	.columns = (const struct column[]) {
		{ "deduplicated", "original_bytes", BYTES },
		{ "kept for them", "kept_bytes", BYTES },
		{ "  records", "stats.record_bytes", BYTES },
		{ "  struct pages", "stats.device_page_bytes", BYTES },
		{ "  bases", "stats.base_bytes", BYTES },
		{ "saved", "saved_percent", PERCENT },
		{ "pages: zero", "stats.pages_zero", COUNT },
		{ "pages: same", "stats.pages_same", COUNT },
		{ "pages: words", "stats.pages_words", COUNT },
		{ "pages: dict", "stats.pages_dict", COUNT },
		{ "pages: self", "stats.pages_self", COUNT },
		{ "of them dense", "stats.pages_dense", COUNT },
		{ "pages: lost", "stats.pages_lost", COUNT },
		{ "pages: unreachable", "stats.pages_unreachable", COUNT },
		{ "pages of bases", "stats.base_pages", COUNT },
		{ "of them packed", "stats.base_packed", COUNT },
		{ "word patches", "stats.bytes_words", BYTES },
		{ "against base pages", "stats.bytes_dict", BYTES },
		{ "self-compressed", "stats.bytes_self", BYTES },
		{ "scanned", "stats.scanned", COUNT },
		{ "stored", "stats.stored", COUNT },
		{ "refused: changed", "stats.refused_changed", COUNT },
		{ "refused: pinned", "stats.refused_pinned", COUNT },
		{ "refused: unsuited", "stats.refused_unsuited", COUNT },
		{ "refused: size", "stats.refused_size", COUNT },
		{ "refused: memory", "stats.refused_memory", COUNT },
		{ "huge pages split", "stats.thp_split", COUNT },
		{ "faults", "stats.faults", COUNT },
		{ "came with a fault", "stats.fault_around", COUNT },
		{ "restored in bulk", "stats.restored", COUNT },
		{ "in working sets", "stats.working_set", COUNT },
		{ "prefetched", "stats.prefetched", COUNT },
		{ "came and went unused", "stats.prefetch_unused", COUNT },
		{ "out of the reserve", "stats.reserve_used", COUNT },
		{ "freed unread", "stats.freed", COUNT },
		{ "losses", "stats.losses", COUNT },
		{ "time in faults", "stats.fault_ns", SPAN_NS },
		{ "time storing", "stats.store_ns", SPAN_NS },
		{ "waiting for the quota", "stats.throttled_ns", SPAN_NS },
		{ "settled", "stats.settled", COUNT },
		{ "time settling", "stats.settle_ns", SPAN_NS },
		{ NULL, NULL, TEXT },
	},
};

static const struct view features_view = {
	.columns = (const struct column[]) {
		{ "instance", "instance", TEXT },
		{ "page size", "page_size", BYTES },
		{ "encodings", "encodings", LIST },
		{ "modes", "modes", LIST },
		{ "record format", "record_format", COUNT },
		{ "sketch format", "sketch_format", COUNT },
		{ "device memory chunk", "chunk_bytes", BYTES },
		{ "most deduplicated pages", "max_device_pages", COUNT },
		{ "most memory of bases", "max_base_bytes", BYTES },
		{ "most memory of records", "max_record_bytes", BYTES },
		{ NULL, NULL, TEXT },
	},
};

static enum exit_code show(const struct args *args, json_t *(*form)(const struct medes_features *),
			   const struct view *view)
{
	struct medes_nl *nl = link_open();
	enum exit_code code = FAILED;
	struct medes_features features;

	if (!nl)
		return FAILED;
	if (medes_features_get(nl, &features))
		complain("%s", nl->error);
	else
		code = print(args, form(&features), view);
	link_close(nl);
	return code;
}

static enum exit_code stat_run(const struct args *args, const char *const *names, size_t n)
{
	(void)names, (void)n;
	return show(args, medes_json_totals, &totals_view);
}

static enum exit_code features_run(const struct args *args, const char *const *names, size_t n)
{
	(void)names, (void)n;
	return show(args, medes_json_features, &features_view);
}

const struct command stat_commands[] = {
	{ "stat", NULL, "", "what is kept and saved now, over everything", 0, 0, 0, 0, stat_run },
	{ .object = NULL },
};

const struct command features_commands[] = {
	{ "features", NULL, "", "what the module is and its ceilings", 0, 0, 0, 0, features_run },
	{ .object = NULL },
};
