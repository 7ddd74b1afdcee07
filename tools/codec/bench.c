// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-codec-bench: how well, and how fast, the module's pure code stores real pages.
 *
 * Native, no kernel needed: it is linked with the files that the module is made of.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define FILES_MAX 64

static const char usage[] =
"usage: medes-codec-bench [OPTION...] --base FILE... --target FILE\n"
"       medes-codec-bench [OPTION...] --sandboxes K FILE...\n"
"\n"
"Stores the pages of one process against those of others, with the code of the module.\n"
"Files hold 4096-byte pages; tools/corpus makes them.\n"
"\n"
"  --base FILE...     pages to refer to; may be given several times\n"
"  --target FILE      pages to store\n"
"  --mode fast|dense  LZ4 or zstd (default: fast)\n"
"  --oracle N         try every base page for N pages, and say what choosing lost\n"
"  --sandboxes K      what 1 to K sandboxes take in all; the first file is the base\n"
"  --runs N           time each page N times, the least counts (default: 3)\n"
"  --json             for programs\n";

struct files {
	const char *v[FILES_MAX];
	unsigned int n;
};

static void __attribute__((noreturn, format(printf, 1, 2))) bad(const char *format, ...)
{
	va_list args;

	fputs("medes-codec-bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n%s", usage);
	exit(2);
}

static unsigned int number(const char *option, const char *text, unsigned int least, unsigned int most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < least || n > most)
		bad("%s takes a number from %u to %u, not '%s'", option, least, most, text);
	return n;
}

static enum medes_mode mode(const char *text)
{
	if (!strcmp(text, "fast"))
		return MEDES_MODE_FAST;
	if (!strcmp(text, "dense"))
		return MEDES_MODE_DENSE;
	bad("--mode takes fast or dense, not '%s'", text);
}

static void add_file(struct files *files, const char *path)
{
	if (files->n == FILES_MAX)
		bad("%u files are the most", FILES_MAX);
	files->v[files->n++] = path;
}

static void run_one(const struct options *options, const struct files *bases, const char *path)
{
	struct corpus base = { 0 }, target = { 0 };
	struct result result = { 0 };
	unsigned int i;

	for (i = 0; i < bases->n; i++)
		corpus_load(&base, bases->v[i]);
	corpus_load(&target, path);
	run_ours(&result, options, &base, &target);
	run_rivals(&result, options, &target);
	run_paper(&result, &base, &target);
	if (options->json)
		report_json(&result, options);
	else
		report_text(&result, options);
	corpus_free(&base);
	corpus_free(&target);
}

static void run_many(const struct options *options, const struct files *files)
{
	struct corpus *corpora = must(calloc(files->n, sizeof(*corpora)));
	unsigned int i;

	for (i = 0; i < files->n; i++)
		corpus_load(&corpora[i], files->v[i]);
	run_curve(options, corpora, files->n);
	for (i = 0; i < files->n; i++)
		corpus_free(&corpora[i]);
	free(corpora);
}

int main(int argc, char **argv)
{
	enum { BASE = 256, TARGET, MODE, ORACLE, SANDBOXES, RUNS, JSON, HELP };
	static const struct option longs[] = {
		{ "base", required_argument, NULL, BASE },
		{ "target", required_argument, NULL, TARGET },
		{ "mode", required_argument, NULL, MODE },
		{ "oracle", required_argument, NULL, ORACLE },
		{ "sandboxes", required_argument, NULL, SANDBOXES },
		{ "runs", required_argument, NULL, RUNS },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	struct options options = { .mode = MEDES_MODE_FAST, .runs = 3 };
	struct files bases = { 0 }, others = { 0 };
	const char *target = NULL;
	bool of_base = false;
	int c;

	/* "-": files come in order, so that those behind --base are known */
	while ((c = getopt_long(argc, argv, "-", longs, NULL)) != -1) {
		if (c != 1)
			of_base = c == BASE;
		switch (c) {
		case 1:
			add_file(of_base ? &bases : &others, optarg);
			break;
		case BASE:
			add_file(&bases, optarg);
			break;
		case TARGET:
			if (target)
				bad("--target is given twice; it takes one file");
			target = optarg;
			break;
		case MODE:
			options.mode = mode(optarg);
			break;
		case ORACLE:
			options.oracle = number("--oracle", optarg, 1, 1000000);
			break;
		case SANDBOXES:
			options.sandboxes = number("--sandboxes", optarg, 1, 1000);
			break;
		case RUNS:
			options.runs = number("--runs", optarg, 1, 1000);
			break;
		case JSON:
			options.json = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (options.sandboxes) {
		if (others.n < 2 || bases.n || target)
			bad("--sandboxes takes two files or more, and neither --base nor --target");
		run_many(&options, &others);
		return 0;
	}
	if (others.n)
		bad("%s: neither behind --base nor behind --target", others.v[0]);
	if (!bases.n || !target)
		bad("--base and --target are both needed");
	run_one(&options, &bases, target);
	return 0;
}
