/* SPDX-License-Identifier: GPL-2.0 */
/* Having base pages of other nodes here before they are needed. */
#ifndef MEDES_FETCH_H
#define MEDES_FETCH_H

#include <linux/types.h>
#include <uapi/linux/medes.h>

/* Pages that may be wanted together; what is more has to wait. */
#define MEDES_FETCH_PAGES 192

struct medes_account;
struct medes_base;
struct medes_extent;
struct medes_fetch;
struct medes_record;
struct page;

struct medes_fetch *medes_fetch_new(void);
void medes_fetch_free(struct medes_fetch *f);
void medes_fetch_add(struct medes_fetch *f, struct medes_extent *extent,
		     u32 slot);
void medes_fetch_add_device(struct medes_fetch *f, struct page *device,
			    const struct medes_account *account);
bool medes_fetch_is_empty(const struct medes_fetch *f);
void medes_fetch_start(struct medes_fetch *f);
int medes_fetch_finish(struct medes_fetch *f);
int medes_fetch_run(struct medes_fetch *f);

void medes_fetch_devices(unsigned long pfn, unsigned int n,
			 const struct medes_account *account);
int medes_fetch_pages(struct medes_base *base, u32 index, unsigned int n);
void medes_fetch_add_record(struct medes_fetch *f,
			    const struct medes_record *record);
bool medes_fetch_is_vain(const struct medes_record *record,
			 enum medes_loss_reason *reason);

#endif /* MEDES_FETCH_H */
