/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEDES_LAT_SHOW_H
#define MEDES_LAT_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include "medes-lat.h"

struct lat_entry {
	struct lat_key key;
	struct lat_hist hist;
};

/* Sorts the entries. */
void show(struct lat_entry *entries, size_t n, unsigned long long dropped, bool json);

#endif /* MEDES_LAT_SHOW_H */
