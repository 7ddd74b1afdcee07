// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of what a peer says. Pure functions over bytes: they read nothing
 * beyond len, whatever the bytes are, and what they let pass can be used
 * without another look.
 */
#include "wire.h"

/* A text that ends inside its field, visible, with nothing after its end. */
static bool is_name(const char *name)
{
	size_t i = 0;

	for (; i < MEDES_WIRE_NAME && name[i]; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	if (!i || i == MEDES_WIRE_NAME)
		return false;
	for (; i < MEDES_WIRE_NAME; i++)
		if (name[i])
			return false;
	return true;
}

/**
 * medes_wire_check_hello() - may who asks to connect belong to us?
 * @data: private data of the request
 * @len: bytes of it; transports pad it with zeros
 * @cluster: ours
 *
 * Context: any.
 * Return: MEDES_WIRE_OK, or why not.
 */
enum medes_wire_status medes_wire_check_hello(const void *data, size_t len,
					      const u8 *cluster)
{
	const struct medes_wire_hello *hello = data;
	u16 kind;

	if (len < sizeof(*hello) ||
	    get_unaligned_le32(&hello->magic) != MEDES_WIRE_MAGIC)
		return MEDES_WIRE_MALFORMED;
	if (get_unaligned_le16(&hello->version) != MEDES_WIRE_VERSION)
		return MEDES_WIRE_BAD_VERSION;
	if (memcmp(hello->cluster, cluster, MEDES_WIRE_CLUSTER))
		return MEDES_WIRE_BAD_CLUSTER;
	kind = get_unaligned_le16(&hello->kind);
	if (kind != MEDES_WIRE_CONTROL && kind != MEDES_WIRE_DATA)
		return MEDES_WIRE_MALFORMED;
	return MEDES_WIRE_OK;
}

/**
 * medes_wire_check_welcome() - is this how an owner accepts?
 * @data: private data of the answer
 * @len: bytes of it
 *
 * Context: any.
 * Return: 0, or -EPROTO.
 */
int medes_wire_check_welcome(const void *data, size_t len)
{
	const struct medes_wire_welcome *welcome = data;

	if (len < sizeof(*welcome) ||
	    get_unaligned_le32(&welcome->magic) != MEDES_WIRE_MAGIC ||
	    get_unaligned_le16(&welcome->version) != MEDES_WIRE_VERSION)
		return -EPROTO;
	return 0;
}

/**
 * medes_wire_check_refusal() - why does the owner refuse?
 * @data: private data of the answer
 * @len: bytes of it
 *
 * Context: any.
 * Return: enum medes_wire_status, but not MEDES_WIRE_OK; -EPROTO when it is none
 * of ours who refuses.
 */
int medes_wire_check_refusal(const void *data, size_t len)
{
	const struct medes_wire_refusal *refusal = data;
	u16 status;

	if (len < sizeof(*refusal) ||
	    get_unaligned_le32(&refusal->magic) != MEDES_WIRE_MAGIC)
		return -EPROTO;
	status = get_unaligned_le16(&refusal->status);
	if (status == MEDES_WIRE_OK || status >= MEDES_WIRE_STATUS_MAX)
		return -EPROTO;
	return status;
}

/* What of an answer that says yes has to hold. */
static bool suits(const struct medes_wire_message *message, u16 type)
{
	u32 n;

	switch (type) {
	case MEDES_WIRE_PROVE:
		return is_name(message->prove.name);
	case MEDES_WIRE_ADMIT:
		n = get_unaligned_le32(&message->admit.tokens);
		return n >= 1 && n <= MEDES_WIRE_TOKENS &&
		       get_unaligned_le32(&message->admit.lease_ms) &&
		       is_name(message->admit.name);
	case MEDES_WIRE_GRANT:
		n = get_unaligned_le32(&message->grant.len);
		return n >= sizeof(struct medes_wire_table) &&
		       n <= MEDES_WIRE_TABLE;
	}
	return true;
}

/**
 * medes_wire_check_message() - is this a message of the control connection?
 * @data: what was received
 * @len: bytes of it
 *
 * Context: any.
 * Return: enum medes_wire_type, or -EPROTO. Fields of an answer whose status is
 * not MEDES_WIRE_OK are not looked at.
 */
int medes_wire_check_message(const void *data, size_t len)
{
	const struct medes_wire_message *message = data;
	u16 type, status;

	if (len != sizeof(*message))
		return -EPROTO;
	type = get_unaligned_le16(&message->type);
	status = get_unaligned_le16(&message->status);
	if (!type || type >= MEDES_WIRE_TYPE_MAX ||
	    status >= MEDES_WIRE_STATUS_MAX)
		return -EPROTO;
	if (type & 1 && status)
		return -EPROTO;
	return status || suits(message, type) ? type : -EPROTO;
}

/* An extent's pages: ascending, and close enough to be one extent here. */
static bool check_pages(const struct medes_wire_page *page, u32 n, u64 *next)
{
	u64 first = get_unaligned_le32(&page->index);

	for (u32 i = 0; i < n; i++) {
		u64 index = get_unaligned_le32(&page[i].index);

		if (index < *next || index - first >= MEDES_WIRE_EXTENT ||
		    get_unaligned_le32(&page[i].zero))
			return false;
		*next = index + 1;
	}
	return true;
}

/**
 * medes_wire_check_table() - is this the table of an exported base?
 * @data: what was read
 * @len: bytes of it
 * @base: whose it has to be
 * @generation: of that
 *
 * Of a table that passes: each extent has 1 to MEDES_WIRE_EXTENT pages, all
 * together are the pages, indexes rise over the whole table, those of an extent
 * span less than MEDES_WIRE_EXTENT, and an extent's bytes do not wrap around.
 *
 * Context: any.
 * Return: 0, -ESTALE when it is of another base or generation, -EPROTO.
 */
int medes_wire_check_table(const void *data, size_t len, u64 base,
			   u64 generation)
{
	const struct medes_wire_table *table = data;
	const struct medes_wire_extent *extent;
	const struct medes_wire_page *page;
	u32 extents, pages, left;
	u64 next = 0;

	if (len < sizeof(*table) || len > MEDES_WIRE_TABLE ||
	    get_unaligned_le32(&table->magic) != MEDES_WIRE_MAGIC ||
	    get_unaligned_le16(&table->version) != MEDES_WIRE_VERSION)
		return -EPROTO;
	extents = get_unaligned_le32(&table->extents);
	pages = get_unaligned_le32(&table->pages);
	/* bounds first, so that the size can't overflow */
	if (extents > pages || pages > MEDES_WIRE_TABLE ||
	    len != medes_wire_table_size(extents, pages))
		return -EPROTO;
	if (get_unaligned_le64(&table->base) != base ||
	    get_unaligned_le64(&table->generation) != generation)
		return -ESTALE;

	extent = medes_wire_extents(table);
	page = medes_wire_pages(table);
	left = pages;
	for (u32 i = 0; i < extents; i++) {
		u32 n = get_unaligned_le32(&extent[i].pages);
		u64 iova = get_unaligned_le64(&extent[i].iova);

		if (!n || n > MEDES_WIRE_EXTENT || n > left ||
		    iova + (u64)n * MEDES_PAGE_SIZE < iova ||
		    !check_pages(page, n, &next))
			return -EPROTO;
		page += n;
		left -= n;
	}
	return left ? -EPROTO : 0;
}
