/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the controller's commands reach the nodes.
 */
#ifndef MEDESD_TRANSPORT_H
#define MEDESD_TRANSPORT_H

#include "steer.h"

const struct steer_transport *transport(struct daemon *d);

#endif /* MEDESD_TRANSPORT_H */
