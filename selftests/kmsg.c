// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel said during a test. The list of what counts as a complaint is
 * the VM runner's, installed beside the tests.
 */
#include <fcntl.h>
#include <regex.h>
#include "harness.h"
#include "sys.h"

#define LIST "complaints"

static int log_fd = -1;

/* All patterns of the list as one expression. */
static const regex_t *complaints(void)
{
	static regex_t compiled;
	static bool ready;
	char list[8192], path[512], *c;
	ssize_t len;

	if (ready)
		return &compiled;
	sys_beside(path, sizeof(path), LIST);
	len = sys_read(path, list, sizeof(list));
	if (len <= 0) {
		check_failed(__FILE__, __LINE__, "cannot read %s", path);
		return NULL;
	}
	for (c = list; *c; c++)
		if (*c == '\n')
			*c = c[1] ? '|' : '\0';
	if (regcomp(&compiled, list, REG_EXTENDED | REG_NOSUB)) {
		check_failed(__FILE__, __LINE__, "%s: no regular expressions", path);
		return NULL;
	}
	ready = true;
	return &compiled;
}

/**
 * kmsg_start() - from now on
 */
void kmsg_start(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd >= 0)
		lseek(log_fd, 0, SEEK_END);
}

/**
 * kmsg_complaints() - print what the kernel complained of since kmsg_start()
 *
 * Return: lines that count as complaints.
 */
unsigned int kmsg_complaints(void)
{
	const regex_t *list = complaints();
	unsigned int bad = 0, after = 0;
	char record[8192], *text;
	ssize_t n;

	if (!list || log_fd < 0)
		return 1;
	for (;;) {
		n = read(log_fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)	/* records were overwritten */
			continue;
		if (n <= 0)
			break;
		record[n] = '\0';
		text = strchr(record, ';');
		if (!text)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (!regexec(list, ++text, 0, NULL, 0)) {
			bad++;
			after = 25;
		}
		/* the lines behind a complaint say where it comes from */
		if (after) {
			note("kernel: %s", text);
			after--;
		}
	}
	return bad;
}
