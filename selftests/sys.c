// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small readers and writers of the kernel's files.
 */
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "harness.h"
#include "proc.h"
#include "sys.h"

ssize_t sys_read(const char *path, char *text, size_t size)
{
	return medes_file_read(path, text, size);
}

static int write_text(const char *path, const char *format, va_list args)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC), err = 0, len;
	char text[256];

	if (fd < 0)
		return -errno;
	len = vsnprintf(text, sizeof(text), format, args);
	if (write(fd, text, len) != len)
		err = -errno;
	close(fd);
	return err;
}

int sys_write(const char *path, const char *format, ...)
{
	va_list args;
	int err;

	va_start(args, format);
	err = write_text(path, format, args);
	va_end(args);
	return err;
}

void sys_set(const char *path, const char *format, ...)
{
	va_list args;
	int err;

	va_start(args, format);
	err = write_text(path, format, args);
	va_end(args);
	if (err)
		SKIP("cannot write %s: %s", path, strerror(-err));
}

long long sys_number(const char *path)
{
	char text[64];

	return sys_read(path, text, sizeof(text)) > 0 ? atoll(text) : -1;
}

int sys_run(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void sys_beside(char *path, size_t size, const char *name)
{
	char self[PATH_MAX] = "";
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	snprintf(path, size, "%s/%s", len > 0 ? dirname(self) : ".", name);
}

/* The number behind "KEY:" or "KEY " at the start of a line. */
static long long keyed(const char *text, const char *key)
{
	size_t len = strlen(key);
	const char *line;

	for (line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, key, len) && (line[len] == ':' || line[len] == ' '))
			return atoll(line + len + 1);
	return -1;
}

long sys_meminfo(const char *key)
{
	char text[8192];

	return sys_read("/proc/meminfo", text, sizeof(text)) > 0 ? keyed(text, key) : -1;
}

long sys_vmstat(const char *key)
{
	char text[16384];

	return sys_read("/proc/vmstat", text, sizeof(text)) > 0 ? keyed(text, key) : -1;
}

#define STEADY_KIB 128

/* Slab caches keep freed objects for the next user; have them given back. */
static void shrink_slabs(void)
{
	glob_t found;
	size_t i;

	if (glob("/sys/kernel/slab/*/shrink", GLOB_NOSORT, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		sys_write(found.gl_pathv[i], "1");
	globfree(&found);
}

/**
 * sys_bound_lists() - keep what processors hold back of free memory small
 *
 * Such pages are free but not counted. It takes some seconds to have an effect.
 */
void sys_bound_lists(void)
{
	sys_write("/proc/sys/vm/percpu_pagelist_high_fraction", "1000");
}

/**
 * sys_memfree() - free memory without caches, as steady as it can be read
 */
long sys_memfree(void)
{
	long was, now = 0;
	int tries = 10;

	do {
		was = now;
		sys_write("/proc/sys/vm/drop_caches", "3");
		shrink_slabs();
		usleep(100000);
		now = sys_meminfo("MemFree");
	} while (labs(now - was) > STEADY_KIB && --tries);
	return now;
}

long sys_smaps(pid_t pid, const void *at, const char *key)
{
	unsigned long start, end, want = (unsigned long)at;
	char path[64], line[512];
	bool inside = false;
	size_t len = strlen(key);
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %*4s", &start, &end) == 2)
			inside = start <= want && want < end;
		else if (inside && !strncmp(line, key, len) && line[len] == ':')
			value = atol(line + len + 1);
	}
	if (file)
		fclose(file);
	return value;
}

double sys_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void sys_cgroup_new(struct cgroup *cg, const char *name)
{
	snprintf(cg->path, sizeof(cg->path), "/sys/fs/cgroup/%s", name);
	rmdir(cg->path);
	if (mkdir(cg->path, 0755))
		SKIP("cannot make %s: %s", cg->path, strerror(errno));
}

int sys_cgroup_write(const struct cgroup *cg, const char *file, const char *format, ...)
{
	char path[256];
	va_list args;
	int err;

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	va_start(args, format);
	err = write_text(path, format, args);
	va_end(args);
	return err;
}

long long sys_cgroup_number(const struct cgroup *cg, const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	return sys_number(path);
}

long long sys_cgroup_key(const struct cgroup *cg, const char *file, const char *key)
{
	char path[256], text[8192];

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	return sys_read(path, text, sizeof(text)) > 0 ? keyed(text, key) : -1;
}

void sys_cgroup_end(struct cgroup *cg)
{
	sys_cgroup_write(cg, "cgroup.freeze", "0");
	sys_cgroup_write(cg, "cgroup.kill", "1");
	CHECK(SOON(!rmdir(cg->path)), "cannot remove %s: %s", cg->path, strerror(errno));
}
