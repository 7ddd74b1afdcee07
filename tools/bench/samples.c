// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Samples as JSON.
 */
#include "samples.h"

static json_t *all;
static const char *now_image = "";
static unsigned int now_round;

void samples_round(const char *image, unsigned int round)
{
	now_image = image;
	now_round = round;
}

json_t *sample(const char *what, const char *way, size_t pages, struct span took)
{
	json_t *s = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:I}", "what", what, "way", way,
			      "image", now_image, "round", now_round, "pages", (json_int_t)pages,
			      "ns", (json_int_t)took.ns, "cpu", (json_int_t)took.cpu);

	if (!all)
		all = json_array();
	if (!s || json_array_append_new(all, s))
		die("no memory for samples");
	return s;
}

void sample_set(json_t *sample, const char *key, double value)
{
	json_object_set_new(sample, key, json_real(value));
}

void sample_text(json_t *sample, const char *key, const char *value)
{
	json_object_set_new(sample, key, json_string(value));
}

void samples_print(void)
{
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
}
