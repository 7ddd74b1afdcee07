// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /etc/subuid and /etc/subgid, see subuid(5): lines of USER:FIRST:COUNT, where USER is a name or
 * a number. What other tools for rootless containers make of them is made of them here: root
 * inside is the user, all others are of the user's first range.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "subids.h"

static bool read_line(const char *line, const char *user, const char *number, struct subids *ids)
{
	char who[64];
	uint32_t first, count;

	if (sscanf(line, "%63[^:]:%" SCNu32 ":%" SCNu32, who, &first, &count) != 3 ||
	    !first || !count || count > UINT32_MAX - first)
		return false;
	if (strcmp(who, number) && (!user || strcmp(who, user)))
		return false;
	ids->first = first;
	ids->count = count;
	return true;
}

/**
 * subids_of() - the ids that a user may use
 * @file: /etc/subuid or /etc/subgid; if it does not exist, there are none
 * @id: the user's own, of the kind that @file is about
 * @user: the user's name, or NULL
 */
struct subids subids_of(const char *file, uint32_t id, const char *user)
{
	struct subids ids = { .own = id };
	FILE *lines = fopen(file, "re");
	char line[256], number[16];

	snprintf(number, sizeof(number), "%" PRIu32, id);
	while (lines && fgets(line, sizeof(line), lines))
		if (read_line(line, user, number, &ids))
			break;
	if (lines)
		fclose(lines);
	return ids;
}

bool subids_have(const struct subids *ids, json_int_t inside)
{
	return inside >= 0 && inside <= ids->count;
}

json_t *subids_json(const struct subids *ids)
{
	json_t *list = json_pack("[{s:i,s:I,s:i}]", "containerID", 0, "hostID",
				 (json_int_t)ids->own, "size", 1);

	if (ids->count)
		json_array_append_new(list, json_pack("{s:i,s:I,s:I}", "containerID", 1, "hostID",
						      (json_int_t)ids->first, "size",
						      (json_int_t)ids->count));
	return list;
}
