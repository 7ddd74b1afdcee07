/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of /proc and /sys, commands, and the machine's memory.
 */
#ifndef SELFTEST_SYS_H
#define SELFTEST_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ssize_t sys_read(const char *path, char *text, size_t size);
int sys_write(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
long long sys_number(const char *path);

/* Writes, or skips the test: the machine does not offer it. */
void sys_set(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Exit status of a command of the shell; -1 when a signal ended it. */
int sys_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A file that is installed beside this program. */
void sys_beside(char *path, size_t size, const char *name);

/* A line of /proc/meminfo, KiB. */
long sys_meminfo(const char *key);

/* A line of /proc/vmstat. */
long sys_vmstat(const char *key);

/* MemFree with caches dropped, KiB; exact some time after sys_bound_lists(). */
long sys_memfree(void);
void sys_bound_lists(void);

/* A line of /proc/PID/smaps for the mapping at an address, KiB. */
long sys_smaps(pid_t pid, const void *at, const char *key);

double sys_seconds(void);

/* cgroup v2: a fresh group for this test, removed by sys_cgroup_end(). */
struct cgroup {
	char path[128];
};

void sys_cgroup_new(struct cgroup *cg, const char *name);
int sys_cgroup_write(const struct cgroup *cg, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
long long sys_cgroup_number(const struct cgroup *cg, const char *file);
long long sys_cgroup_key(const struct cgroup *cg, const char *file, const char *key);
void sys_cgroup_end(struct cgroup *cg);

#endif /* SELFTEST_SYS_H */
