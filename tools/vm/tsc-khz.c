// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints the frequency of the host's time stamp counter in kHz.
 *
 * A guest under TCG sees the host's counter, and measures it at boot against
 * emulated timers. On a busy host it gets that wrong by a factor of up to
 * seventeen; then its clock races, and its watchdogs see stalls that never
 * were. So the runner tells it the frequency. This measurement stands a busy
 * host: of many readings the one counts that was least disturbed.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define NSEC_PER_SEC	1000000000LL
#define READINGS	2000
#define SPAN_NS		(NSEC_PER_SEC / 5)

struct reading {
	int64_t ns;
	uint64_t tsc;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static struct reading read_both(void)
{
	uint64_t best = UINT64_MAX;
	struct reading r = { 0 };

	for (int i = 0; i < READINGS; i++) {
		uint64_t before = __rdtsc();
		int64_t ns = now_ns();
		uint64_t took = __rdtsc() - before;

		if (took < best) {
			best = took;
			r.ns = ns;
			r.tsc = before + took / 2;
		}
	}
	return r;
}

int main(void)
{
	const struct timespec span = { .tv_nsec = SPAN_NS };
	struct reading a = read_both(), b;

	nanosleep(&span, NULL);
	b = read_both();
	printf("%.0f\n", (b.tsc - a.tsc) * 1e6 / (b.ns - a.ns));
	return 0;
}
