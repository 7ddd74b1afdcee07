/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be measured: one function each. All add samples.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

void pages_main(const char *dir, unsigned int rounds, char **names, unsigned int n);
void memory_main(const char *dir, char **names, unsigned int n);
void scaling_main(const char *dir, unsigned int rounds, const char *name);
void registry_main(const char *dir, unsigned int rounds, const char *name);

#endif /* BENCH_MEASURE_H */
