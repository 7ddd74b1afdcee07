// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The inputs of a libFuzzer target, once each, without libFuzzer: what has been found stays
 * found in every run of the tests, and the target goes on building. A report of a sanitizer
 * ends it, and the test fails for that.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		err(1, "%s", path);
	rewind(file);
	/* to the byte, so that reading behind the end is seen */
	data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, file) != (size_t)size)
		err(1, "%s", path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: replay INPUT...");
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		fflush(stdout);
		replay(argv[i]);
		printf("ok %d - replay: %s does no harm\n", i, argv[i]);
	}
	return 0;
}
