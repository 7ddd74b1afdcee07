// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers as words and words as words. Pure functions over the caller's buffers.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "stat_names.h"
#include "text.h"

static const char *name(const char *const names[], size_t n, uint32_t value)
{
	return value < n && names[value] ? names[value] : "?";
}

const char *medes_encoding_name(uint32_t encoding)
{
	static const char *const names[] = {
		[MEDES_ENCODING_ZERO] = "zero",
		[MEDES_ENCODING_SAME] = "same",
		[MEDES_ENCODING_WORDS] = "words",
		[MEDES_ENCODING_SELF] = "self",
		[MEDES_ENCODING_DICT] = "dict",
	};

	return name(names, ARRAY_SIZE(names), encoding);
}

const char *medes_mode_name(uint32_t mode)
{
	static const char *const names[] = {
		[MEDES_MODE_FAST] = "fast",
		[MEDES_MODE_DENSE] = "dense",
	};

	return name(names, ARRAY_SIZE(names), mode);
}

const char *medes_sandbox_state_name(uint32_t state)
{
	static const char *const names[] = {
		[MEDES_SANDBOX_STATE_WARM] = "warm",
		[MEDES_SANDBOX_STATE_DEDUPLICATING] = "deduplicating",
		[MEDES_SANDBOX_STATE_DEDUP] = "dedup",
		[MEDES_SANDBOX_STATE_RESTORING] = "restoring",
		[MEDES_SANDBOX_STATE_LOST] = "lost",
		[MEDES_SANDBOX_STATE_DEAD] = "dead",
	};

	return name(names, ARRAY_SIZE(names), state);
}

const char *medes_op_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[MEDES_OP_KIND_DEDUP] = "dedup",
		[MEDES_OP_KIND_DEMARCATE] = "demarcate",
		[MEDES_OP_KIND_RESTORE] = "restore",
		[MEDES_OP_KIND_RESTORE_ALL] = "restore-all",
		[MEDES_OP_KIND_SETTLE] = "settle",
		[MEDES_OP_KIND_COPY] = "copy",
	};

	return name(names, ARRAY_SIZE(names), kind);
}

const char *medes_op_state_name(uint32_t state)
{
	static const char *const names[] = {
		[MEDES_OP_STATE_QUEUED] = "queued",
		[MEDES_OP_STATE_RUNNING] = "running",
		[MEDES_OP_STATE_DONE] = "done",
		[MEDES_OP_STATE_CANCELLED] = "cancelled",
		[MEDES_OP_STATE_FAILED] = "failed",
	};

	return name(names, ARRAY_SIZE(names), state);
}

const char *medes_loss_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[MEDES_LOSS_REASON_MALFORMED] = "malformed",
		[MEDES_LOSS_REASON_CHECKSUM] = "checksum",
		[MEDES_LOSS_REASON_UNREACHABLE] = "unreachable",
	};

	return name(names, ARRAY_SIZE(names), reason);
}

const char *medes_place_name(uint32_t place)
{
	static const char *const names[] = {
		[MEDES_PLACE_NOWHERE] = "nowhere",
		[MEDES_PLACE_MEMORY] = "memory",
		[MEDES_PLACE_RECORD] = "record",
		[MEDES_PLACE_ELSEWHERE] = "elsewhere",
	};

	return name(names, ARRAY_SIZE(names), place);
}

const char *medes_stat_name(unsigned int attr)
{
	static const char *const names[] = { MEDES_STAT_NAMES };

	_Static_assert(ARRAY_SIZE(names) == MEDES_A_STATS_MAX + 1, "a counter without a name");
	return attr < ARRAY_SIZE(names) ? names[attr] : NULL;
}

uint64_t medes_stats_pages(const struct medes_stats *stats)
{
	return stats->v[MEDES_A_STATS_PAGES_ZERO] + stats->v[MEDES_A_STATS_PAGES_SAME] +
	       stats->v[MEDES_A_STATS_PAGES_WORDS] + stats->v[MEDES_A_STATS_PAGES_SELF] +
	       stats->v[MEDES_A_STATS_PAGES_DICT];
}

/**
 * medes_text_bytes() - a size for people, in binary units
 * @text: receives it
 * @bytes: the size
 *
 * Return: @text.
 */
char *medes_text_bytes(char text[MEDES_TEXT_SIZE], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = bytes;
	size_t i;

	if (bytes < 1024) {
		snprintf(text, MEDES_TEXT_SIZE, "%" PRIu64 " B", bytes);
		return text;
	}
	for (i = 0, value /= 1024; value >= 1023.95 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1024;
	snprintf(text, MEDES_TEXT_SIZE, "%.1f %s", value, units[i]);
	return text;
}

/**
 * medes_text_duration() - a time span for people
 * @text: receives it
 * @ns: nanoseconds
 *
 * Return: @text.
 */
char *medes_text_duration(char text[MEDES_TEXT_SIZE], uint64_t ns)
{
	if (ns < 1000)
		snprintf(text, MEDES_TEXT_SIZE, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(text, MEDES_TEXT_SIZE, "%.1f us", ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, MEDES_TEXT_SIZE, "%.1f ms", ns / 1e6);
	else
		snprintf(text, MEDES_TEXT_SIZE, "%.1f s", ns / 1e9);
	return text;
}

/**
 * medes_text_id() - a 64-bit id
 * @text: receives it
 * @id: the id
 *
 * Return: @text. A base's id may need all 64 bits, which JSON's integers do not
 * carry, so it is a string of hexadecimal digits everywhere.
 */
char *medes_text_id(char text[MEDES_TEXT_SIZE], uint64_t id)
{
	snprintf(text, MEDES_TEXT_SIZE, "0x%016" PRIx64, id);
	return text;
}

/**
 * medes_text_clean() - make text from elsewhere fit for terminals and JSON
 * @text: what is not printable ASCII becomes "?", in place
 *
 * Return: @text.
 */
char *medes_text_clean(char *text)
{
	char *c;

	for (c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

/**
 * medes_name_valid() - may an object be called so
 * @name: name of a sandbox, base, domain or function
 *
 * Return: true for 1..63 letters, digits and "._:@+-" that do not begin with
 * "-" or ".": such a name is one word of a command line and of a URL.
 */
bool medes_name_valid(const char *name)
{
	size_t len;

	for (len = 0; name[len]; len++)
		if (!isalnum((unsigned char)name[len]) && !strchr("._:@+-", name[len]))
			return false;
	return len && len <= MEDES_NAME_MAX && *name != '-' && *name != '.';
}
