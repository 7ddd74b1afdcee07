// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds an area and obeys lines on standard input, one answer each on standard
 * output: "check" says how many pages are wrong, "fill SEED" makes them anew. It
 * says "ready" when the area is filled.
 */
#include "harness.h"
#include "pages.h"
#include "serve.h"
#include "victim.h"

int serve(const char *pages, const char *seed, const char *mix)
{
	struct area a = { .pages = atoi(pages), .seed = atoi(seed) };
	char line[64];

	if (!a.pages || !*mix || strlen(mix) >= sizeof(a.mix)) {
		fprintf(stderr, "no area has %s pages of \"%s\"\n", pages, mix);
		return 2;
	}
	strcpy(a.mix, mix);
	setvbuf(stdout, NULL, _IOLBF, 0);
	a.at = map_pages(a.pages);
	area_fill(&a);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "check\n")) {
			printf("%zu\n", area_wrong(&a));
		} else if (sscanf(line, "fill %u", &a.seed) == 1) {
			area_fill(&a);
			puts("filled");
		} else {
			puts("what?");
		}
	}
	return 0;
}
