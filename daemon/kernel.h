/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module, as it comes and goes, and its events.
 */
#ifndef MEDESD_KERNEL_H
#define MEDESD_KERNEL_H

#include <event2/event.h>
#include "nl.h"

struct kernel_handlers {
	void (*up)(void *arg);			/* a module is there; nothing is known of it */
	void (*down)(void *arg);		/* it has gone, with all its objects */
	void (*op)(const struct medes_op *op, void *arg);
	void (*sandbox)(const struct medes_sandbox *sandbox, void *arg);
	void (*loss)(const struct medes_loss *loss, void *arg);
	void (*peer)(void *arg);		/* one came or went */
	void (*overrun)(void *arg);		/* events were lost: list again */
};

struct kernel;

struct kernel *kernel_new(struct event_base *events, const struct kernel_handlers *handlers,
			  void *arg);
void kernel_start(struct kernel *k);
void kernel_free(struct kernel *k);
struct medes_nl *kernel_nl(struct kernel *k);
uint64_t kernel_instance(const struct kernel *k);

#endif /* MEDESD_KERNEL_H */
