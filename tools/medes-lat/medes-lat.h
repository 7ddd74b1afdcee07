/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program in the kernel and the one in user space share: histograms by
 * sandbox, encoding and place of the base page.
 */
#ifndef MEDES_LAT_H
#define MEDES_LAT_H

/* Slot i holds times of 2^i to 2^(i + 1) - 1 ns; the last also all above. */
#define LAT_SLOTS 34

/* Histograms; what does not fit is counted in dropped. */
#define LAT_KEYS 8192

struct lat_key {
	unsigned int sandbox;
	unsigned short encoding;	/* enum medes_encoding */
	unsigned short place;		/* enum medes_base_place of the module */
};

struct lat_hist {
	unsigned long long faults;
	unsigned long long pages;	/* that came back, neighbours included */
	unsigned long long failed;	/* faults after which the page was still away */
	unsigned long long ns;
	unsigned long long slot[LAT_SLOTS];
};

#endif /* MEDES_LAT_H */
