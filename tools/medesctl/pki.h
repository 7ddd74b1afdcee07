/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cluster's authority, key and certificates, as files of a directory.
 */
#ifndef MEDESCTL_PKI_H
#define MEDESCTL_PKI_H

#include "ctl.h"

#define PKI_DIRECTORY "/etc/medes/cluster"
#define PKI_DAYS 730

/* Both complain themselves. */
enum exit_code pki_init(const char *directory, const char *cluster);
enum exit_code pki_certificate(const char *directory, const char *node, unsigned int days);

#endif /* MEDESCTL_PKI_H */
