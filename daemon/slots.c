// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hash slots, as the cluster specification has them: CRC16 (XMODEM) of the key, or of what
 * stands between the first { and the next } if that is not empty, modulo 16384. Pure
 * functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "slots.h"

static uint16_t crc16(const char *bytes, size_t len)
{
	uint16_t crc = 0;
	unsigned int bit;

	for (; len; len--, bytes++) {
		crc ^= (uint16_t)((unsigned char)*bytes << 8);
		for (bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
	}
	return crc;
}

/**
 * slot_of() - the hash slot of a key
 * @key: the key
 * @len: its length
 */
unsigned int slot_of(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len);
	const char *close = open ? memchr(open + 1, '}', key + len - open - 1) : NULL;

	if (close && close > open + 1)
		return crc16(open + 1, close - open - 1) % SLOTS;
	return crc16(key, len) % SLOTS;
}

/**
 * slot_address() - take HOST:PORT apart
 * @text: such a thing; an IPv6 address may stand in brackets
 * @host: receives the host, possibly empty
 * @port: receives the port
 *
 * Return: false when it is none.
 */
bool slot_address(const char *text, char host[SLOT_HOST], uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	unsigned long number;
	size_t len;
	char *end;

	if (!colon)
		return false;
	len = colon - text;
	number = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || !number || number > UINT16_MAX)
		return false;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= SLOT_HOST)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	*port = number;
	return true;
}

/**
 * slot_redirection() - is an error the news that a slot is elsewhere
 * @error: a server's error
 * @out: receives where it is
 */
bool slot_redirection(const char *error, struct redirection *out)
{
	char word[8], address[SLOT_HOST + 8];

	if (sscanf(error, "%7s %u %71s", word, &out->slot, address) != 3 || out->slot >= SLOTS)
		return false;
	out->ask = !strcmp(word, "ASK");
	return (out->ask || !strcmp(word, "MOVED")) &&
	       slot_address(address, out->host, &out->port);
}
