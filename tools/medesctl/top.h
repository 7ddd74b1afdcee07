/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEDESCTL_TOP_H
#define MEDESCTL_TOP_H

#include <jansson.h>
#include "print.h"

extern const struct view top_function_view;

enum exit_code top_cluster(const struct args *args);

json_t *top_functions(const struct args *args, json_t *before, double seconds);

#endif /* MEDESCTL_TOP_H */
