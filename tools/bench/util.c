// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clocks, small readers and writers of the kernel's files.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "util.h"

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("medes-bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/*
 * Seventh number of each processor's line: nanoseconds that tasks ran there. The kernel
 * adds to it when a task leaves the processor, so we leave it.
 */
uint64_t cpu_ns(void)
{
	static const struct timespec moment = { .tv_nsec = 1 };
	unsigned long long ran;
	uint64_t sum = 0;
	char line[512];
	FILE *f;

	nanosleep(&moment, NULL);
	f = fopen("/proc/schedstat", "re");
	if (!f)
		die("/proc/schedstat: %s; the kernel needs CONFIG_SCHEDSTATS", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "cpu", 3) &&
		    sscanf(line, "cpu%*u %*u %*u %*u %*u %*u %*u %llu", &ran) == 1)
			sum += ran;
	fclose(f);
	return sum;
}

struct span span_begin(void)
{
	struct span begin = { .cpu = cpu_ns() };

	begin.ns = now_ns();
	return begin;
}

struct span span_end(struct span begin)
{
	struct span took = { .ns = now_ns() - begin.ns };

	took.cpu = cpu_ns() - begin.cpu;
	return took;
}

void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("no memory for %zu times %zu bytes", n, size);
	return p;
}

void *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	off_t size;
	ssize_t n;
	char *v;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	size = lseek(fd, 0, SEEK_END);
	v = must_alloc(1, size + 1);
	while (got < (size_t)size && (n = pread(fd, v + got, size - got, got)) > 0)
		got += n;
	if (got != (size_t)size)
		die("%s: cannot be read", path);
	close(fd);
	*len = got;
	return v;
}

void write_text(const char *path, const char *format, ...)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), len;
	char text[256];
	va_list args;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (write(fd, text, len) != len)
		die("%s does not take '%s': %s", path, text, strerror(errno));
	close(fd);
}

/* The nth number, from 0, of a file that begins with numbers. */
uint64_t read_number(const char *path, unsigned int field)
{
	FILE *f = fopen(path, "re");
	unsigned long long value;

	if (!f)
		die("%s: %s", path, strerror(errno));
	do {
		if (fscanf(f, "%llu", &value) != 1)
			die("%s has no number %u", path, field);
	} while (field--);
	fclose(f);
	return value;
}

uint64_t random_next(uint64_t *seed)
{
	uint64_t v = *seed += 0x9e3779b97f4a7c15;

	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

void shuffle(uint32_t *v, size_t n, uint64_t seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = random_next(&seed) % i;
		uint32_t was = v[i - 1];

		v[i - 1] = v[k];
		v[k] = was;
	}
}
