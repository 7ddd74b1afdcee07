// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include "common.h"

struct medes_workspace *ws;
struct medes_scratch *scratch;

static u64 base[MEDES_PAGE_WORDS];

/* Pointers, small numbers and text, as in an interpreter's heap. */
static void make_base(void)
{
	unsigned int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		u64 mixed = (i + 1) * 0x9e3779b185ebca87ULL;

		switch (i % 4) {
		case 0:
			base[i] = 0x7f0000000000ULL + (mixed >> 40 & ~7ULL);
			break;
		case 1:
			base[i] = mixed >> 60;
			break;
		case 2:
			memcpy(&base[i], "fuzzing ", 8);
			break;
		default:
			base[i] = i % 16 == 3 ? mixed : 0;
		}
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_base();
	ws = medes_workspace_init(aligned_alloc(64, (medes_workspace_size() + 63) & ~63UL));
	scratch = medes_scratch_init(aligned_alloc(64, (medes_scratch_size() + 63) & ~63UL));
	EXPECT(ws && scratch);
	return 0;
}

const void *the_base(void)
{
	return base;
}

void *copy(const void *data, size_t size)
{
	void *to = malloc(size ? size : 1);

	EXPECT(to);
	if (size)
		memcpy(to, data, size);
	return to;
}
