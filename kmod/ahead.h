/* SPDX-License-Identifier: GPL-2.0 */
/* Pages that were rebuilt ahead of being mapped. */
#ifndef MEDES_AHEAD_H
#define MEDES_AHEAD_H

#include <linux/list.h>

struct medes_record;
struct page;

/**
 * struct medes_ahead - one page, in the memory of who rebuilt it
 * @node: in the table, while nobody has taken the page
 * @record: that the page was rebuilt from; a name only
 * @page: NULL when somebody took it
 */
struct medes_ahead {
	struct hlist_node node;
	struct medes_record *record;
	struct page *page;
};

void medes_ahead_init(void);
void medes_ahead_put(struct medes_ahead *ahead, struct medes_record *record,
		     struct page *page);
struct page *medes_ahead_take(struct medes_record *record);
struct page *medes_ahead_cancel(struct medes_ahead *ahead);

#endif /* MEDES_AHEAD_H */
