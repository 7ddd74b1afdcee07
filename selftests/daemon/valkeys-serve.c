// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Servers for tests in other languages: three primaries and three replicas, as long as somebody
 * holds the standard input open. Says a line for each, "PORT PID".
 */
#include <stdio.h>
#include "valkeys.h"

int main(void)
{
	struct valkeys servers;
	unsigned int i;
	int err = valkeys_start(&servers, 3, 3, NULL);

	for (i = 0; i < servers.n && !err; i++)
		printf("%u %d\n", servers.port[i], servers.pid[i]);
	fflush(stdout);
	while (!err && getchar() != EOF)
		;
	valkeys_stop(&servers);
	return !!err;
}
