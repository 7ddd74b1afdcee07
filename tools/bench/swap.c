// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zram as swap. One device for each algorithm; only the one that is measured is
 * swapped on.
 */
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>
#include "swap.h"
#include "util.h"

#define CONTROL "/sys/class/zram-control"

static void run(const char *command)
{
	if (system(command))
		die("'%s' failed", command);
}

static void set(const struct swap *swap, const char *file, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/zram%u/%s", swap->number, file);
	write_text(path, "%s", value);
}

void swap_new(struct swap *swap, const char *algorithm, uint64_t bytes)
{
	char text[96];

	if (access(CONTROL, F_OK))
		run("modprobe zram num_devices=0");
	swap->algorithm = algorithm;
	swap->number = read_number(CONTROL "/hot_add", 0);
	snprintf(swap->device, sizeof(swap->device), "/dev/zram%u", swap->number);
	set(swap, "comp_algorithm", algorithm);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	set(swap, "disksize", text);
	snprintf(text, sizeof(text), "mkswap %s >/dev/null 2>&1", swap->device);
	run(text);
}

void swap_end(struct swap *swap)
{
	char text[16];

	set(swap, "reset", "1");
	snprintf(text, sizeof(text), "%u", swap->number);
	write_text(CONTROL "/hot_remove", "%s", text);
}

void swap_on(const struct swap *swap)
{
	if (swapon(swap->device, 0))
		die("swapon %s: %s", swap->device, strerror(errno));
}

void swap_off(const struct swap *swap)
{
	if (swapoff(swap->device))
		die("swapoff %s: %s", swap->device, strerror(errno));
}

uint64_t swap_bytes(const struct swap *swap)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/zram%u/mm_stat", swap->number);
	return read_number(path, 2);
}
