/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines on stderr, with the journal's priority prefix where it reads them.
 */
#ifndef MEDESD_LOG_H
#define MEDESD_LOG_H

#include <syslog.h>

void log_init(unsigned int level);
void log_at(unsigned int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif /* MEDESD_LOG_H */
