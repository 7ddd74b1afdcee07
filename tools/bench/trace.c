// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encodings, read from a trace instance of our own.
 *
 * The tracepoint is switched on once and off once: on an emulated processor, each
 * switch is a small risk (Documentation/vm.rst).
 */
#include <sys/stat.h>
#include <unistd.h>
#include "trace.h"
#include "util.h"

#define INSTANCE "/sys/kernel/tracing/instances/medes-bench"

void trace_begin(void)
{
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		die(INSTANCE ": %s", strerror(errno));
	write_text(INSTANCE "/buffer_size_kb", "8192");
	write_text(INSTANCE "/events/medes/medes_store/enable", "1");
}

void trace_end(void)
{
	write_text(INSTANCE "/events/medes/medes_store/enable", "0");
	rmdir(INSTANCE);
}

void trace_clear(void)
{
	write_text(INSTANCE "/trace", " ");
}

static void note(const struct subject *subject, encoding_name *names, uint64_t address,
		 const char *name)
{
	size_t low = 0, high = subject->image.n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (subject_address(subject, middle) < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < subject->image.n && subject_address(subject, low) == address)
		snprintf(names[low], ENCODING_SIZE, "%s", name);
}

/**
 * trace_encodings() - what happened to each page since trace_clear()
 * @subject: whose pages
 * @sandbox: its number in the module
 *
 * Return: an array to be freed.
 */
encoding_name *trace_encodings(const struct subject *subject, uint32_t sandbox)
{
	encoding_name *names = must_alloc(subject->image.n, sizeof(*names));
	FILE *f = fopen(INSTANCE "/trace", "re");
	char line[512], name[ENCODING_SIZE];
	unsigned long long address;
	const char *at;
	unsigned int id;

	if (!f)
		die(INSTANCE "/trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "medes_store: sandbox=");
		if (at && sscanf(at, "medes_store: sandbox=%u address=%llx encoding=%11s", &id,
				 &address, name) == 3 && id == sandbox)
			note(subject, names, address, name);
	}
	fclose(f);
	return names;
}
