// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How short the machine is of memory.
 *
 * The kernel's averages lag by seconds, in which a machine that runs out of memory can come to
 * a standstill. So it is asked to tell: a trigger, written to its file, makes the file
 * poll as urgent (EPOLLPRI) when the threshold is passed in any window of a second. libevent
 * knows no urgent data, so an epoll descriptor of its own holds the file, and libevent waits
 * for that one to become readable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "log.h"
#include "pressure.h"
#include "proc.h"

#define MEMINFO_MAX 4096
#define WINDOW_US 1000000

struct pressure {
	int file;
	int poll;
	struct event *event;
	void (*pressed)(void *arg);
	void *arg;
};

static void on_pressed(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event event;
	struct pressure *p = arg;

	(void)what;
	/* the look alone makes it quiet again */
	if (epoll_wait(fd, &event, 1, 0) > 0 && event.events & EPOLLERR) {
		log_warning("the kernel tells no more of stalls for memory");
		event_del(p->event);
		return;
	}
	p->pressed(p->arg);
}

static int set_trigger(struct pressure *p, const char *file, double percent)
{
	struct epoll_event event = { .events = EPOLLPRI };
	char text[64];
	int len;

	p->file = open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p->file < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "some %.0f %d", percent / 100 * WINDOW_US, WINDOW_US);
	/* with the zero at the end: the kernel's parser wants it */
	if (write(p->file, text, len + 1) < 0)
		return -errno;
	p->poll = epoll_create1(EPOLL_CLOEXEC);
	if (p->poll < 0 || epoll_ctl(p->poll, EPOLL_CTL_ADD, p->file, &event))
		return -errno;
	return 0;
}

struct pressure *pressure_new(struct event_base *events, const char *file, double percent,
			      void (*pressed)(void *arg), void *arg)
{
	struct pressure *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	if (!p)
		return NULL;
	*p = (struct pressure){ .file = -1, .poll = -1, .pressed = pressed, .arg = arg };
	err = set_trigger(p, file, percent);
	if (!err) {
		p->event = event_new(events, p->poll, EV_READ | EV_PERSIST, on_pressed, p);
		err = p->event && !event_add(p->event, NULL) ? 0 : -ENOMEM;
	}
	if (!err)
		return p;
	log_notice("%s: %s: stalls for memory are not told of (psi=1 on the kernel's command line turns that on); what is available is looked at in intervals",
		   file, strerror(-err));
	pressure_free(p);
	return NULL;
}

void pressure_free(struct pressure *p)
{
	if (!p)
		return;
	if (p->event)
		event_free(p->event);
	if (p->poll >= 0)
		close(p->poll);
	if (p->file >= 0)
		close(p->file);
	free(p);
}

bool pressure_available(double *bytes)
{
	char text[MEMINFO_MAX];
	const char *line;
	unsigned long long kib;

	if (medes_file_read("/proc/meminfo", text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "MemAvailable:");
	if (!line || sscanf(line, "MemAvailable: %llu", &kib) != 1)
		return false;
	*bytes = kib * 1024.0;
	return true;
}

double pressure_stalled(const char *file)
{
	char text[512];
	double percent = 0;

	if (medes_file_read(file, text, sizeof(text)) > 0)
		sscanf(text, "some avg10=%lf", &percent);
	return percent;
}
