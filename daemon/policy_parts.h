/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policies and what surrounds them share; nobody else needs it.
 */
#ifndef MEDESD_POLICY_PARTS_H
#define MEDESD_POLICY_PARTS_H

#include "policy.h"

/* policy.c */
bool policy_can_dedup(const struct policy *p, const struct policy_function *f);
unsigned int policy_count(const struct policy_function *f);
unsigned int policy_deduped(const struct policy_function *f);
uint64_t policy_idle(const struct policy_view *view, const struct policy_sandbox *s);
void policy_act(struct policy_sandbox *s, enum policy_action action, const char *why);

/* policy_room.c */
double policy_bytes(const struct policy_function *f, const struct policy_sandbox *s);
double policy_gain(const struct policy_function *f, const struct policy_sandbox *s);
void policy_share(struct policy_view *view);
void policy_free_memory(const struct policy *p, struct policy_view *view);

/* policy_base.c */
void policy_bases(const struct policy *p, const struct policy_view *view,
		  struct policy_function *f);

#endif /* MEDESD_POLICY_PARTS_H */
