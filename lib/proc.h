/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc and /sys say, in one call each.
 */
#ifndef MEDES_PROC_H
#define MEDES_PROC_H

#include <sys/types.h>
#include "medes.h"

ssize_t medes_file_read(const char *path, char *text, size_t size);
int medes_process_start_time(uint32_t pid, uint64_t *start_time);

#endif /* MEDES_PROC_H */
