// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was found, for people and for programs.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

static const char *const encodings[] = {
	[MEDES_ENCODING_ZERO] = "zero",
	[MEDES_ENCODING_SAME] = "same",
	[MEDES_ENCODING_WORDS] = "words",
	[MEDES_ENCODING_SELF] = "self",
	[MEDES_ENCODING_DICT] = "dict",
	[STAYS] = "stay",
};

static const char *mode_name(const struct options *options)
{
	return options->mode == MEDES_MODE_DENSE ? "dense" : "fast";
}

static double of_all(const struct result *result, u64 bytes)
{
	return 100.0 * bytes / (result->pages * (double)MEDES_PAGE_SIZE);
}

static double saved(const struct result *result, u64 left)
{
	return 100 - of_all(result, left);
}

static double mean_bytes(const struct result *result, unsigned int encoding)
{
	return result->count[encoding] ? (double)result->bytes[encoding] / result->count[encoding] : 0;
}

static double of_oracle(const struct result *result)
{
	return result->oracle ? 100.0 * result->oracle_ours / result->oracle : 100;
}

static int compare(const void *left, const void *right)
{
	u64 a = *(const u64 *)left, b = *(const u64 *)right;

	return a < b ? -1 : a > b;
}

struct times times_of(u64 *ns, size_t n)
{
	struct times times = { 0 };
	size_t i;

	if (!n)
		return times;
	qsort(ns, n, sizeof(*ns), compare);
	for (i = 0; i < n; i++)
		times.mean += ns[i];
	times.mean /= n;
	times.p99 = ns[n - 1 - n / 100];
	return times;
}

void report_text(const struct result *result, const struct options *options)
{
	unsigned int i;

	printf("%zu pages, %s mode, %.2f registry entries per base page\n\n", result->pages,
	       mode_name(options), result->entries_per_page);
	printf("%-16s %8s\n", "saved", "%");
	printf("%-16s %8.2f\n", "exact and zero", of_all(result, result->exact));
	printf("%-16s %8.2f\n", "LZ4", saved(result, result->lz4));
	printf("%-16s %8.2f\n", "zstd", saved(result, result->zstd));
	printf("%-16s %8.2f\n", "paper", saved(result, result->paper));
	printf("%-16s %8.2f\n", "ours", saved(result, result->ours));
	printf("%-16s %8.2f\n", "ours, net", saved(result, result->ours_net));
	printf("%-16s %8.2f\n\n", "zram-zstd, net", saved(result, result->zstd_net));

	printf("%-16s %8s %8s\n", "encoding", "pages %", "bytes");
	for (i = 0; i < ARRAY_SIZE(encodings); i++)
		printf("%-16s %8.2f %8.0f\n", encodings[i], 100.0 * result->count[i] / result->pages,
		       mean_bytes(result, i));
	printf("\n%-16s %8s %8s\n", "ns a page", "mean", "p99");
	printf("%-16s %8.0f %8.0f\n", "scan", result->scan.mean, result->scan.p99);
	printf("%-16s %8.0f %8.0f\n", "choose", result->choose.mean, result->choose.p99);
	printf("%-16s %8.0f %8.0f\n", "encode", result->encode.mean, result->encode.p99);
	printf("%-16s %8.0f %8.0f\n", "decode", result->decode.mean, result->decode.p99);
	printf("%-16s %8.0f %8.0f\n", "LZ4 encode", result->lz4_encode.mean, result->lz4_encode.p99);
	printf("%-16s %8.0f %8.0f\n", "LZ4 decode", result->lz4_decode.mean, result->lz4_decode.p99);
	printf("%-16s %8.0f %8.0f\n", "zstd encode", result->zstd_encode.mean, result->zstd_encode.p99);
	printf("%-16s %8.0f %8.0f\n", "zstd decode", result->zstd_decode.mean, result->zstd_decode.p99);
	if (result->oracle_pages)
		printf("\nof what an oracle saves that tries every base page: %.1f %% (%zu pages sampled)\n",
		       of_oracle(result), result->oracle_pages);
}

static json_t *encoding_json(const struct result *result)
{
	json_t *all = json_object();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(encodings); i++)
		json_object_set_new(all, encodings[i],
				    json_pack("{s:I, s:I}", "pages", (json_int_t)result->count[i],
					      "bytes", (json_int_t)result->bytes[i]));
	return all;
}

static json_t *saved_json(const struct result *result)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
			 "exact", of_all(result, result->exact),
			 "lz4", saved(result, result->lz4),
			 "zstd", saved(result, result->zstd),
			 "paper", saved(result, result->paper),
			 "ours", saved(result, result->ours),
			 "ours_net", saved(result, result->ours_net),
			 "zstd_net", saved(result, result->zstd_net));
}

static json_t *times_json(const struct result *result)
{
	const struct {
		const char *name;
		const struct times *times;
	} all[] = {
		{ "scan", &result->scan }, { "choose", &result->choose },
		{ "encode", &result->encode }, { "decode", &result->decode },
		{ "lz4_encode", &result->lz4_encode }, { "lz4_decode", &result->lz4_decode },
		{ "zstd_encode", &result->zstd_encode }, { "zstd_decode", &result->zstd_decode },
	};
	json_t *json = json_object();
	char name[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		json_object_set_new(json, all[i].name, json_real(all[i].times->mean));
		snprintf(name, sizeof(name), "%s_p99", all[i].name);
		json_object_set_new(json, name, json_real(all[i].times->p99));
	}
	return json;
}

void report_json(const struct result *result, const struct options *options)
{
	json_t *json = json_pack("{s:s, s:I, s:o, s:o, s:o, s:f}", "mode", mode_name(options),
				 "pages", (json_int_t)result->pages,
				 "saved_pct", saved_json(result),
				 "ns_per_page", times_json(result),
				 "encodings", encoding_json(result),
				 "registry_entries_per_base_page", result->entries_per_page);

	if (!json)
		die("no memory for the report");
	if (result->oracle_pages)
		json_object_set_new(json, "oracle",
				    json_pack("{s:I, s:f}", "pages", (json_int_t)result->oracle_pages,
					      "ours_pct", of_oracle(result)));
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(json);
}
