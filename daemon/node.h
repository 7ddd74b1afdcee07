/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What medesd does when the module says something.
 */
#ifndef MEDESD_NODE_H
#define MEDESD_NODE_H

#include "daemon.h"
#include "kernel.h"

extern const struct kernel_handlers node_handlers;

#endif /* MEDESD_NODE_H */
