/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process with known memory, for tests that are not written in C. */
#ifndef SELFTEST_SERVE_H
#define SELFTEST_SERVE_H

int serve(const char *pages, const char *seed, const char *mix);

#endif /* SELFTEST_SERVE_H */
