// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What K sandboxes of one function take together, the base included.
 *
 * The first file is the sandbox that the base is made of, the others are stored against it;
 * more sandboxes than there are files count as the mean of those. For each base page there are
 * four ways, and each column of the table has one of them, or takes the best page by page:
 *
 *	self	no base at all, each page compressed by itself, as zram would
 *	raw	the base page is kept as it is
 *	drop	raw, but where that does not pay there is no base page, and its referents are
 *		compressed by themselves
 *	pack	the base page is kept compressed by itself, and unpacked to decode against it;
 *		no base at all while that is less (medesd makes none for a few sandboxes)
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

enum way { SELF, RAW, DROP, PACK, WAYS };

static const char *const ways[] = { "self", "raw", "drop", "pack" };
static const unsigned int steps[] = { 1, 2, 4, 8, 16, 40, 100, 400, 1000 };

/* One base page, or what has none: bytes, all overhead included. */
struct cell {
	u64 own;		/* of the base's page, compressed by itself */
	u64 same;		/* of its record, when a base page says the rest */
	u64 patches;		/* of one sandbox's pages that refer to it, in all files */
	u64 selves;		/* of the same pages, compressed by themselves */
	bool base;		/* it can be a base page: it is not zero */
};

static u64 self_bytes(struct coder *coder, const u8 *page)
{
	struct coded coded;

	coder_encode(coder, page, NULL, NO_BASE, &coded);
	return net_bytes(&coded);
}

static void add_base(struct coder *coder, const struct corpus *file, struct cell *cell)
{
	const struct coded same = { .encoding = MEDES_ENCODING_SAME };
	size_t i;

	for (i = 0; i < file->n; i++) {
		cell[i].own = self_bytes(coder, corpus_page(file, i));
		cell[i].same = net_bytes(&same);
		cell[i].base = !medes_page_is_zero(corpus_page(file, i));
	}
}

/* The pages of one more file, each to its base page; those without one to the last cell. */
static void add_target(struct coder *coder, const struct options *options,
		       const struct corpus *bases, const struct corpus *file, struct cell *cell)
{
	struct coded *coded = choose_and_encode(coder, options, bases, file);
	size_t i;

	for (i = 0; i < file->n; i++) {
		bool alone = coded[i].encoding != MEDES_ENCODING_SAME &&
			     coded[i].encoding != MEDES_ENCODING_WORDS &&
			     coded[i].encoding != MEDES_ENCODING_DICT;
		struct cell *to = alone ? &cell[bases->n] : &cell[coded[i].base];

		to->patches += net_bytes(&coded[i]);
		to->selves += alone ? net_bytes(&coded[i]) :
				      self_bytes(coder, corpus_page(file, i));
	}
	free(coded);
}

static double cost(const struct cell *cell, enum way way, double others)
{
	double self = cell->own + others * cell->selves;
	double kept = cell->same + BASE_SLOT + others * cell->patches;

	if (way == SELF || !cell->base)
		return self;
	if (way == PACK)
		return kept + (cell->own < MEDES_PAGE_SIZE ? cell->own - STRUCT_PAGE - RECORD_HEAD :
							     MEDES_PAGE_SIZE);
	kept += MEDES_PAGE_SIZE;
	return way == DROP && self < kept ? self : kept;
}

static double saved(const struct cell *cell, size_t n, enum way way, double others, double pages)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += cost(&cell[i], way, others);
	return 100 - 100 * sum / (pages * MEDES_PAGE_SIZE);
}

static void print(const struct cell *cell, const struct corpus *files, unsigned int n,
		  const struct options *options)
{
	double more = 0;
	json_t *json = json_array();
	unsigned int i, k, way;

	for (i = 1; i < n; i++)
		more += (double)files[i].n / (n - 1);
	if (!options->json)
		printf("%9s %8s %8s %8s %8s   total saved, %%\n", "sandboxes", ways[SELF], ways[RAW],
		       ways[DROP], ways[PACK]);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		json_t *row = json_object();

		k = steps[i] < options->sandboxes ? steps[i] : options->sandboxes;
		json_object_set_new(row, "sandboxes", json_integer(k));
		if (!options->json)
			printf("%9u", k);
		for (way = 0; way < WAYS; way++) {
			double others = (k - 1.0) / (n - 1), pages = files[0].n + (k - 1) * more;
			double of = saved(cell, files[0].n + 1, way, others, pages);

			if (way == PACK && of < saved(cell, files[0].n + 1, SELF, others, pages))
				of = saved(cell, files[0].n + 1, SELF, others, pages);
			json_object_set_new(row, ways[way], json_real(of));
			if (!options->json)
				printf(" %8.2f", of);
		}
		if (!options->json)
			putchar('\n');
		json_array_append_new(json, row);
		if (k == options->sandboxes)
			break;
	}
	if (options->json) {
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	json_decref(json);
}

/**
 * run_curve() - what 1 to K sandboxes of one function take
 * @options: of the command line
 * @files: the first is the base's; at least two
 * @n: how many
 */
void run_curve(const struct options *options, const struct corpus *files, unsigned int n)
{
	struct cell *cell = must(calloc(files[0].n + 1, sizeof(*cell)));
	struct coder *coder = coder_new(options->mode);
	unsigned int i;

	add_base(coder, &files[0], cell);
	for (i = 1; i < n; i++)
		add_target(coder, options, &files[0], &files[i], cell);
	print(cell, files, n, options);
	coder_free(coder);
	free(cell);
}
