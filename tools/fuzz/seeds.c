// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: seeds TARGET DIRECTORY
 * Makes inputs to begin with: true records, patches, blocks and pages, with what each target
 * wants before them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common.h"

static const char *directory;
static unsigned int count;

static void write_seed(u8 first, const void *data, size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/seed-%u", directory, count++);
	file = fopen(path, "wb");
	if (!file || fputc(first, file) == EOF || fwrite(data, 1, size, file) != size ||
	    fclose(file)) {
		perror(path);
		exit(1);
	}
}

/* Pages that are more and more unlike the base, then one that begins elsewhere in it. */
static void make_page(u64 *page, unsigned int kind)
{
	unsigned int i;

	memcpy(page, the_base(), MEDES_PAGE_SIZE);
	for (i = 0; i < kind * kind * 4 && i < MEDES_PAGE_WORDS; i++)
		page[i * 37 % MEDES_PAGE_WORDS] += i % 3 ? 0x12345000 : (u64)i * i << i % 40;
	if (kind % 3 == 2)
		memmove(page, (u8 *)page + 5 * kind, MEDES_PAGE_SIZE - 5 * kind);
	if (kind % 3 == 1)
		memmove(page + 10, page + 70, (400 + kind) * sizeof(*page));
}

static void seed(const char *target, const u64 *page, unsigned int mode, const void *base)
{
	struct medes_coded coded;
	int len = medes_encode(ws, mode, page, MEDES_ALONE(base), &coded);
	const u8 *record = coded.data;

	if (len <= 1)
		return;
	if (!strcmp(target, "decode"))
		write_seed(coded.encoding | (base ? 0 : 0x80), record, len);
	else if (!strcmp(target, "guesses") && (record[0] & 0xf0) == 0x10 &&
		 coded.encoding != MEDES_ENCODING_DICT)
		write_seed((base ? 1 : 0) | (record[0] & 15) << 1, record + 1, len - 1);
	else if (!strcmp(target, "unpack") && (record[0] & 0x80 || (record[0] & 0x50) == 0x50))
		write_seed((record[0] & 0x10 ? 1 : 0) | (coded.encoding == MEDES_ENCODING_DICT) << 1 |
			   (record[0] & 0x40 ? 0 : 1) << 2, record + 1, len - 1);
}

int main(int argc, char **argv)
{
	static u64 page[MEDES_PAGE_WORDS];
	unsigned int kind, mode, codes;
	int len;

	if (argc != 3) {
		fputs("usage: seeds TARGET DIRECTORY\n", stderr);
		return 2;
	}
	directory = argv[2];
	LLVMFuzzerInitialize(NULL, NULL);
	for (kind = 1; kind < 12; kind++) {
		make_page(page, kind);
		for (mode = MEDES_MODE_FAST; mode <= MEDES_MODE_MAX; mode++) {
			seed(argv[1], page, mode, the_base());
			seed(argv[1], page, mode, NULL);
		}
		if (!strcmp(argv[1], "words")) {
			medes_words_compare(&ws->words, page, the_base());
			len = medes_words_diff(&ws->words, page, the_base(), ws->patch, &codes);
			write_seed(codes, ws->patch, len);
		}
		if (!strcmp(argv[1], "roundtrip") || !strcmp(argv[1], "sketch"))
			write_seed(3 * kind, page, MEDES_PAGE_SIZE - kind);
	}
	return 0;
}
