// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-codec-learn: what kmod/prior.c says, found out from corpora.
 *
 * Codes are Huffman's for how often each value was told in the pages of other processes, and
 * the odds of their bits are what these values say of them. Which prior is best for a page and
 * how its words are told depends on both in turn, so tools/codec/learn-prior runs this until
 * little changes, and builds it anew each time.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

/* Values that take more bits than this of four have plain ones: these take no time. */
#define PLAIN_ABOVE 3.65

#define A_LINE 10
#define FIRST(member) (offsetof(struct medes_guess_odds, member) / sizeof(medes_odds))
#define SIZED (MEDES_TELL_KINDS - MEDES_TELL_SIZED)	/* ways of telling with a size */

static const char usage[] =
"usage: medes-codec-learn [--apart] BASE TARGET [BASE TARGET]... >kmod/prior.c\n"
"\n"
"Files hold 4096-byte pages of two processes of a kind; tools/corpus makes them.\n"
"  --apart  the first kinds have a prior each, as when there is nothing to begin with\n";

static u32 seen[MEDES_PRIORS][MEDES_GUESS_COUNTS][2];
static double total[MEDES_PRIORS][MEDES_GUESS_COUNTS][2];

/* All kinds count alike, however many pages they have. */
static void learn(const char *base_path, const char *target_path, int apart)
{
	struct options options = { .mode = MEDES_MODE_DENSE, .runs = 1 };
	struct coder *coder = coder_new(options.mode);
	struct corpus base = { 0 }, target = { 0 };
	unsigned int prior;
	double share;
	size_t i;

	memset(seen, 0, sizeof(seen));
	corpus_load(&base, base_path);
	corpus_load(&target, target_path);
	coder_learn(coder, seen);
	free(choose_and_encode(coder, &options, &base, &target));
	share = 1000.0 / target.n;
	for (prior = 0; prior < MEDES_PRIORS; prior++) {
		double (*to)[2] = total[apart < 0 ? (int)prior : apart];

		for (i = 0; i < MEDES_GUESS_COUNTS; i++) {
			to[i][0] += share * seen[prior][i][0];
			to[i][1] += share * seen[prior][i][1];
		}
	}
	corpus_free(&base);
	corpus_free(&target);
	coder_free(coder);
}

static medes_odds odds(const double is[2])
{
	double one = (1 << MEDES_ODDS_BITS) * (is[1] + 0.4) / (is[0] + is[1] + 0.8);

	if (one < MEDES_ODDS_LEAST)
		return MEDES_ODDS_LEAST;
	if (one > (1 << MEDES_ODDS_BITS) - MEDES_ODDS_LEAST)
		return (1 << MEDES_ODDS_BITS) - MEDES_ODDS_LEAST;
	return one;
}

/* Huffman's code for values that each count so much at least; its longest. */
static unsigned int huffman(const double *count, unsigned int values, double least, u8 *bits)
{
	unsigned int parent[511] = { 0 }, made, i, k, longest = 0;
	double weight[511];

	for (i = 0; i < values; i++)
		weight[i] = count[i] > least ? count[i] : least;
	for (made = values; made < 2 * values - 1; made++) {
		weight[made] = 0;
		for (k = 0; k < 2; k++) {
			unsigned int lightest = made;

			for (i = 0; i < made; i++)
				if (!parent[i] && (lightest == made || weight[i] < weight[lightest]))
					lightest = i;
			parent[lightest] = made;
			weight[made] += weight[lightest];
		}
	}
	for (i = 0; i < values; i++) {
		bits[i] = 0;
		for (k = i; parent[k]; k = parent[k])
			bits[i]++;
		longest = bits[i] > longest ? bits[i] : longest;
	}
	return longest;
}

/* A code for values that came so often. Returns how many bits one would take at best. */
static double make_code(const double *count, unsigned int values, unsigned int longest, u8 *bits)
{
	double all = 0, entropy = 0, least;
	unsigned int i;

	for (i = 0; i < values; i++)
		all += count[i];
	for (i = 0; i < values; i++)
		if (count[i] > 0)
			entropy -= count[i] / all * log2(count[i] / all);
	for (least = (all + 1) / 65536; huffman(count, values, least, bits) > longest; least *= 1.1)
		;
	return all > 0 ? entropy : log2(values);
}

/* What is chosen by one code: values, and contexts that begin here and lie so far apart. */
struct choice {
	size_t first, apart;
	unsigned int contexts, values;
};

static struct choice choice_of(unsigned int choice)
{
	unsigned int of;

	if (choice < MEDES_CHOOSE_SIZE)
		return (struct choice) { FIRST(tell[choice]), MEDES_TELL_KINDS, MEDES_TELL_KINDS,
					 MEDES_TELL_KINDS };
	if (choice < MEDES_CHOOSE_BEFORE) {
		of = choice - MEDES_CHOOSE_SIZE;
		return (struct choice) { FIRST(size[of / SIZED][of % SIZED]), 0, 1,
					 of % SIZED == MEDES_TELL_PLAIN - MEDES_TELL_SIZED ?
					 2 * MEDES_TELL_SIZES : MEDES_TELL_SIZES };
	}
	if (choice < MEDES_CHOOSE_TOP)
		of = FIRST(before[choice - MEDES_CHOOSE_BEFORE]);
	else if (choice < MEDES_CHOOSE_BOTTOM)
		of = FIRST(top) + (choice - MEDES_CHOOSE_TOP) * MEDES_CHOICE_MAX;
	else if (choice < MEDES_CHOOSE_PLACE)
		of = FIRST(bottom[choice - MEDES_CHOOSE_BOTTOM]);
	else
		of = FIRST(place[choice - MEDES_CHOOSE_PLACE]);
	return (struct choice) { of, 0, 1, MEDES_CHOICE_MAX };
}

/* The odds of a code's bits in a context, by how often its values came there. */
static void choice_odds(const struct medes_choice *code, const double (*count)[2],
			unsigned int values, medes_odds *out)
{
	double is[MEDES_CHOICE_MAX][2] = { 0 };
	unsigned int value, node, i;

	for (value = 0; value < values; value++) {
		for (node = 0, i = code->bits[value]; i--;) {
			unsigned int bit = code->code[value] >> i & 1;

			is[node][bit] += count[value][1];
			node = code->next[node][bit];
		}
	}
	for (node = 0; node < values; node++)
		out[node] = odds(is[node]);
}

static void make_choice(struct medes_guess_prior *prior, const double (*count)[2],
			unsigned int choice)
{
	struct choice what = choice_of(choice);
	double all[MEDES_CHOICE_MAX] = { 0 };
	struct medes_choice code;
	unsigned int k, i;

	for (k = 0; k < what.contexts; k++)
		for (i = 0; i < what.values; i++)
			all[i] += count[what.first + k * what.apart + i][1];
	if (make_code(all, what.values, MEDES_CHOICE_MAX - 1, prior->bits[choice]) > PLAIN_ABOVE)
		memset(prior->bits[choice], 0, MEDES_CHOICE_MAX);
	medes_choice_init(&code, prior->bits[choice]);
	for (k = 0; k < what.contexts; k++) {
		size_t at = what.first + k * what.apart;

		choice_odds(&code, &count[at], what.values, &prior->odds[at]);
	}
}

static void make_prior(struct medes_guess_prior *prior, const double (*count)[2])
{
	unsigned int i;

	memset(prior, 0, sizeof(*prior));
	for (i = 0; i < MEDES_GUESS_CONTEXTS; i++)
		prior->odds[i] = MEDES_ODDS_EVEN;
	for (i = 0; i < FIRST(tell); i++)
		prior->odds[i] = odds(count[i]);
	for (i = 0; i < MEDES_CHOICES; i++)
		make_choice(prior, count, i);
}

static void print_bits(const u8 *bits, unsigned int values)
{
	unsigned int i;

	for (i = 0; i < values; i++)
		printf("%s%u,%s", i % 16 ? " " : "\t\t", bits[i], i % 16 == 15 ? "\n" : "");
}

static void print_prior(const struct medes_guess_prior *prior)
{
	unsigned int i, k;

	puts("\t{\n\t\t{");
	for (i = 0; i < MEDES_GUESS_CONTEXTS; i++)
		printf("%s0x%04x,%s", i % A_LINE ? " " : "\t\t", prior->odds[i],
		       i % A_LINE == A_LINE - 1 || i == MEDES_GUESS_CONTEXTS - 1 ? "\n" : "");
	puts("\t\t}, {");
	for (i = 0; i < MEDES_CHOICES; i++) {
		for (k = 0; k < MEDES_CHOICE_MAX; k++)
			printf("%s%u%s", k ? ", " : "\t\t{ ", prior->bits[i][k],
			       k == MEDES_CHOICE_MAX - 1 ? " },\n" : "");
	}
	puts("\t\t},\n\t},");
}

static void print_text(unsigned int after)
{
	double count[256] = { 0 };
	unsigned int prior, i;
	u8 bits[256];

	for (prior = 0; prior < MEDES_PRIORS; prior++)
		for (i = 0; i < 256; i++)
			count[i] += total[prior][MEDES_GUESS_CONTEXTS + 256 * after + i][1];
	make_code(count, 256, MEDES_TEXT_BITS, bits);
	puts("\t{");
	print_bits(bits, 256);
	puts("\t},");
}

static void print(void)
{
	static struct medes_guess_prior prior;
	unsigned int i;

	puts("// SPDX-License-Identifier: GPL-2.0\n"
	     "/*\n"
	     " * What each page begins with: odds, in the order of struct medes_guess_odds, how many\n"
	     " * bits each value of a choice takes, and each octet of text. All are part of the format.\n"
	     " * tools/codec/learn-prior made this from corpora.\n"
	     " */\n"
	     "#include \"guess.h\"\n"
	     "\n"
	     "const struct medes_guess_prior medes_guess_priors[MEDES_PRIORS] = {");
	for (i = 0; i < MEDES_PRIORS; i++) {
		make_prior(&prior, (const double (*)[2])total[i]);
		print_prior(&prior);
	}
	puts("};\n\nconst u8 medes_text_bits[MEDES_TEXT_AFTER][256] = {");
	for (i = 0; i < MEDES_TEXT_AFTER; i++)
		print_text(i);
	puts("};");
}

int main(int argc, char **argv)
{
	bool apart = argc > 1 && !strcmp(argv[1], "--apart");
	int i;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	argc -= apart;
	argv += apart;
	if (argc < 3 || argc % 2 == 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (apart && argc > 2 * MEDES_PRIORS + 1)
		argc = 2 * MEDES_PRIORS + 1;
	for (i = 1; i < argc; i += 2)
		learn(argv[i], argv[i + 1], apart ? i / 2 : -1);
	print();
	return 0;
}
