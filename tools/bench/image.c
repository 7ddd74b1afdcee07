// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images. Pages keep their places within 256 KiB and gaps of less than that, so that
 * what lies side by side in the process does so in the area; longer gaps shrink.
 */
#include <fcntl.h>
#include <unistd.h>
#include "image.h"
#include "util.h"

#define BLOCK 64		/* pages that stay together */

static uint64_t block_of(uint64_t address)
{
	return address / (BLOCK * PAGE);
}

/* Keep the blocks that make up about max pages, evenly over the image. */
static void thin(struct image *image, size_t max)
{
	size_t kept = 0, from, to, i;

	for (from = 0; from < image->n; from = to) {
		for (to = from; to < image->n &&
		     block_of(image->address[to]) == block_of(image->address[from]); to++)
			;
		/* so far, the share that is to be kept of what was seen */
		if (kept * image->n > max * from)
			continue;
		for (i = from; i < to; i++, kept++) {
			image->address[kept] = image->address[i];
			image->file[kept] = image->file[i];
		}
	}
	image->n = kept;
}

static void lay_out(struct image *image)
{
	uint64_t at = 0;

	for (size_t i = 0; i < image->n; i++) {
		uint64_t page = image->address[i] / PAGE;
		uint64_t gap = i ? page - image->address[i - 1] / PAGE : 0;

		if (!i || gap >= BLOCK)
			at = (at + BLOCK - 1) / BLOCK * BLOCK + page % BLOCK;
		else
			at += gap;
		image->place[i] = at;
		image->area = at + 1;
	}
}

static size_t find(const struct image *image, uint64_t address)
{
	size_t low = 0, high = image->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (image->address[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->n && image->address[low] == address ? low : image->n;
}

static void read_touches(struct image *image, const char *path)
{
	size_t len, i, at;
	uint64_t *address;

	if (access(path, R_OK))
		return;
	address = read_file(path, &len);
	image->touches = must_alloc(len / sizeof(*address), sizeof(*image->touches));
	for (i = 0; i < len / sizeof(*address); i++) {
		at = find(image, address[i]);
		if (at < image->n)
			image->touches[image->n_touches++] = at;
	}
	free(address);
}

void image_open(struct image *image, const char *path, size_t max)
{
	char file[256];
	size_t len;

	memset(image, 0, sizeof(*image));
	snprintf(image->path, sizeof(image->path), "%s", path);
	snprintf(file, sizeof(file), "%s.addresses", image->path);
	image->address = read_file(file, &len);
	image->n = len / sizeof(*image->address);
	if (!image->n)
		die("%s: no pages in it", file);
	image->file = must_alloc(image->n, sizeof(*image->file));
	image->place = must_alloc(image->n, sizeof(*image->place));
	for (size_t i = 0; i < image->n; i++)
		image->file[i] = i;
	if (max && max < image->n)
		thin(image, max);
	lay_out(image);
	snprintf(file, sizeof(file), "%s.touches", image->path);
	read_touches(image, file);
}

void image_close(struct image *image)
{
	free(image->address);
	free(image->file);
	free(image->place);
	free(image->touches);
}

void image_fill(const struct image *image, char *area)
{
	char file[256];
	int fd;

	snprintf(file, sizeof(file), "%s.pages", image->path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	for (size_t i = 0; i < image->n; i++)
		if (pread(fd, area + image->place[i] * PAGE, PAGE, image->file[i] * PAGE) !=
		    (ssize_t)PAGE)
			die("%s ends before page %u", file, image->file[i]);
	close(fd);
}
