// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An array whose free entries form a list through themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include "numbers.h"
#include "table.h"

#define FREE UINT32_MAX			/* no base's slot */

static int make_room(struct numbers *numbers)
{
	uint32_t room = numbers->room + numbers->room / 2 + 1024;
	struct numbered *v;

	if (room > TABLE_REF_MAX || room < numbers->room)
		return -ENOMEM;
	v = realloc(numbers->v, room * sizeof(*v));
	if (!v)
		return -ENOMEM;
	numbers->v = v;
	numbers->room = room;
	return 0;
}

/**
 * numbers_get() - give a base page a number
 * @numbers: the numbers
 * @page: the base page
 * @number: receives the number, below TABLE_REF_MAX
 *
 * Return: 0 or -ENOMEM.
 */
int numbers_get(struct numbers *numbers, struct numbered page, uint32_t *number)
{
	int err;

	if (numbers->free) {
		*number = numbers->free - 1;
		numbers->free = numbers->v[*number].index;
	} else {
		err = numbers->n == numbers->room ? make_room(numbers) : 0;
		if (err)
			return err;
		*number = numbers->n++;
	}
	numbers->v[*number] = page;
	return 0;
}

/**
 * numbers_put() - take back the numbers of all pages of some bases
 * @numbers: the numbers
 * @gone: says of which, by their slots
 * @arg: for @gone
 */
void numbers_put(struct numbers *numbers, bool (*gone)(uint32_t slot, const void *arg),
		 const void *arg)
{
	uint32_t i;

	for (i = numbers->n; i-- > 0; ) {
		if (numbers->v[i].slot == FREE || !gone(numbers->v[i].slot, arg))
			continue;
		numbers->v[i] = (struct numbered){ .slot = FREE, .index = numbers->free };
		numbers->free = i + 1;
	}
}

void numbers_free(struct numbers *numbers)
{
	free(numbers->v);
	*numbers = (struct numbers){ 0 };
}
