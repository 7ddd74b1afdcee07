// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logging. Under systemd, stderr is the journal and a line may begin with <N>,
 * its syslog priority; JOURNAL_STREAM tells by device and inode whether the
 * stderr at hand still is that stream. Elsewhere the priority is a word.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"

static unsigned int threshold = LOG_INFO;
static bool journal;

static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

/**
 * log_init() - set what is logged
 * @level: LOG_ERR (least) to LOG_DEBUG (most)
 */
void log_init(unsigned int level)
{
	threshold = level;
	journal = is_journal();
	setvbuf(stderr, NULL, _IOLBF, 0);
}

void log_at(unsigned int level, const char *format, ...)
{
	static const char *const words[] = {
		[LOG_ERR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_NOTICE] = "",
		[LOG_INFO] = "", [LOG_DEBUG] = "debug: ",
	};
	char line[1024];
	va_list args;

	if (level > threshold)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (journal)
		fprintf(stderr, "<%u>%s\n", level, line);
	else
		fprintf(stderr, "medesd: %s%s\n", words[level], line);
}
