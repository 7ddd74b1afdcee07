// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small readers of /proc and /sys. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "proc.h"

/**
 * medes_file_read() - read a small file whole
 * @path: its path
 * @text: receives its text, always ended by a zero; the rest is cut off
 * @size: of @text, bytes
 *
 * Return: length of the text, or a negative errno.
 */
ssize_t medes_file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0)
		len = -errno;
	else
		text[len] = '\0';
	close(fd);
	return len;
}

/**
 * medes_process_start_time() - when a process began, which tells it from a
 * later one of the same pid
 * @pid: in our pid namespace
 * @start_time: field 22 of /proc/PID/stat, clock ticks since boot
 *
 * Return: 0, -ESRCH when there is no such process, another negative errno.
 */
int medes_process_start_time(uint32_t pid, uint64_t *start_time)
{
	char path[64], text[2048], *at;
	ssize_t len;
	int field;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	len = medes_file_read(path, text, sizeof(text));
	if (len < 0)
		return len == -ENOENT ? -ESRCH : (int)len;
	/* the name (field 2) may hold anything, so count from its last bracket */
	at = strrchr(text, ')');
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%" SCNu64, start_time) != 1)
		return -EPROTO;
	return 0;
}
