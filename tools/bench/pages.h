/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

void pages_main(const char *dir, unsigned int rounds, char **names, unsigned int n);

#endif /* BENCH_PAGES_H */
