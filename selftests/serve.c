// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds an area and obeys lines on standard input, one answer each on standard
 * output: "check" says how many pages are wrong, "fill SEED" makes them anew, "mmap"
 * checks in another thread and says how many ms the longest of its own mmap()s took
 * meanwhile, how many took over 100, and how many there were, "send PAGE" gives each page from that one on to a system call and says how
 * many of those failed with EFAULT. It says "ready" when the area is filled.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include "harness.h"
#include "pages.h"
#include "serve.h"
#include "victim.h"

static void *check(void *arg)
{
	struct area *a = arg;

	return (void *)area_wrong(a);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Does a thread that waits for a page keep others from mapping memory? */
static void check_and_map(struct area *a)
{
	double longest = 0, begin, took;
	unsigned int late = 0, many = 0;
	pthread_t thread;
	void *wrong, *at;

	if (pthread_create(&thread, NULL, check, a)) {
		puts("no thread");
		return;
	}
	do {
		begin = seconds();
		at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at != MAP_FAILED)
			munmap(at, PAGE);
		took = seconds() - begin;
		if (took > longest)
			longest = took;
		late += took > 0.1;
		many++;
		usleep(5000);
	} while (pthread_tryjoin_np(thread, &wrong));
	printf("%zu %.0f %u %u\n", (size_t)wrong, longest * 1000, late, many);
}

/* A pipe takes a page and gives it back: a page that is lost is EFAULT, not a signal. */
static void send_from(const struct area *a, unsigned int first)
{
	size_t failed = 0;
	char page[PAGE];
	int ends[2];

	if (pipe(ends)) {
		puts("no pipe");
		return;
	}
	for (size_t i = first; i < a->pages; i++) {
		if (write(ends[1], a->at + i * PAGE, PAGE) == PAGE)
			failed += read(ends[0], page, PAGE) != PAGE;
		else
			failed += errno == EFAULT;
	}
	close(ends[0]);
	close(ends[1]);
	printf("%zu\n", failed);
}

int serve(const char *pages, const char *seed, const char *mix)
{
	struct area a = { .pages = atoi(pages), .seed = atoi(seed) };
	unsigned int first;
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
		} else if (!strcmp(line, "mmap\n")) {
			check_and_map(&a);
		} else if (sscanf(line, "send %u", &first) == 1) {
			send_from(&a, first);
		} else {
			puts("what?");
		}
	}
	return 0;
}
