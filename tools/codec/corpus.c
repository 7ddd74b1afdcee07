// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of pages, as tools/corpus makes them: 4096 bytes each, nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench.h"

static void read_all(int fd, u8 *to, size_t len, const char *path)
{
	while (len) {
		ssize_t got = read(fd, to, len);

		if (got <= 0)
			die("%s: %s", path, got ? strerror(errno) : "it got shorter while it was read");
		to += got;
		len -= got;
	}
}

/**
 * corpus_load() - append a file's pages
 * @corpus: zeroed at first
 * @path: file of pages
 *
 * Ends the program when it can't.
 */
void corpus_load(struct corpus *corpus, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	u8 *pages;
	size_t n;

	if (fd < 0 || fstat(fd, &st))
		die("%s: %s", path, strerror(errno));
	if (!st.st_size || st.st_size % MEDES_PAGE_SIZE)
		die("%s: %lld bytes are no whole number of 4096-byte pages; tools/corpus makes such files",
		    path, (long long)st.st_size);
	n = corpus->n + st.st_size / MEDES_PAGE_SIZE;
	pages = must(aligned_alloc(MEDES_PAGE_SIZE, n * MEDES_PAGE_SIZE));
	if (corpus->n)
		memcpy(pages, corpus->pages, corpus->n * MEDES_PAGE_SIZE);
	read_all(fd, pages + corpus->n * MEDES_PAGE_SIZE, st.st_size, path);
	close(fd);
	free(corpus->pages);
	corpus->pages = pages;
	corpus->n = n;
}

void corpus_free(struct corpus *corpus)
{
	free(corpus->pages);
	*corpus = (struct corpus){ 0 };
}
