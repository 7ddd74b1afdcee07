/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands about functions share.
 */
#ifndef MEDESCTL_FUNCTION_H
#define MEDESCTL_FUNCTION_H

#include "ctl.h"

#define FUNCTION_PATH 1024

char *function_path(char path[FUNCTION_PATH], const struct args *args, const char *name,
		    const char *behind);

/* invoke.c */
enum exit_code function_invoke(const struct args *args, const char *const *names, size_t n);

#endif /* MEDESCTL_FUNCTION_H */
