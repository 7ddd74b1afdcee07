// SPDX-License-Identifier: GPL-2.0
/*
 * The module on a kernel that cannot host it: it refuses to load, and says
 * why, instead of failing to link with names that explain nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

static int __init medes_init(void)
{
	pr_err("this kernel is built without CONFIG_DEVICE_PRIVATE; `make check-config` lists what is needed\n");
	return -EOPNOTSUPP;
}
module_init(medes_init);

MODULE_DESCRIPTION("Memory deduplication for idle sandboxes (not on this kernel)");
MODULE_LICENSE("GPL");
