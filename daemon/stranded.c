// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Boxes that need pages of nodes that are away.
 *
 * Such a box would keep its next request waiting, and then die of it. So it gets none until
 * the kernel says that its pages can be had again; what arrives meanwhile goes to another
 * box, or starts one. When every node has given its pages up for good, and no other one
 * has offered the same for a while, it is lost before anybody has touched it.
 */
#include "function.h"
#include "log.h"

/* Daemons ask each other every two seconds which bases there are: a copy shows by then. */
#define ORPHAN_S 10

/* Nobody has offered its pages again. */
static void on_orphan(void *arg)
{
	box_lost(arg, "every node that had pages of it has given them up");
}

void box_stranded_init(struct box *box)
{
	timer_init(&box->orphan, box->function->control->clock, on_orphan, box);
}

void box_stranded_exit(struct box *box)
{
	timer_stop(&box->orphan);
}

/**
 * box_stranded() - can a box's pages be had?
 * @box: the box, in any state
 * @stranded: no node gives some of them now
 * @orphaned: no node will ever
 */
void box_stranded(struct box *box, bool stranded, bool orphaned)
{
	struct function *f = box->function;
	bool was = box->stranded;

	box->stranded = stranded;
	if (stranded && !was)
		log_warning("sandbox %s needs pages of nodes that are away: it gets no requests meanwhile",
			    box->name);
	if (!orphaned)
		timer_stop(&box->orphan);
	else if (!timer_is_set(&box->orphan))
		timer_set(&box->orphan, ORPHAN_S * US_PER_S);
	if (stranded || !was)
		return;
	log_notice("sandbox %s: its pages can be had again", box->name);
	if (f->queued)
		sched_kick(f);
}
