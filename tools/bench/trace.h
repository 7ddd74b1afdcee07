/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which encoding the module gave each page of a subject, by its tracepoint.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "subject.h"

#define ENCODING_SIZE 12

/* One name a page of the image; "" for a page that stays. */
typedef char encoding_name[ENCODING_SIZE];

void trace_begin(void);
void trace_end(void);
void trace_clear(void);
encoding_name *trace_encodings(const struct subject *subject, uint32_t sandbox);

#endif /* BENCH_TRACE_H */
