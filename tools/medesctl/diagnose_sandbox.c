// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Findings about one sandbox: what its memory is made of, and whether there is a
 * base it could share with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "diagnose.h"
#include "proc.h"
#include "text.h"

/* Shares of a sandbox's memory from which on they are worth a word. */
#define SHARE_PERCENT 20
#define LITTLE_PERCENT 2

/* Sums over all processes, bytes. */
struct memory {
	uint64_t resident;
	uint64_t anonymous;
	uint64_t file;
	uint64_t shared;
	uint64_t swap;
	uint64_t locked;
	uint64_t huge;
	unsigned int mergeable;		/* processes that gave memory to KSM */
	unsigned int unread;		/* processes that could not be looked at */
};

static uint64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	uint64_t kib = 0;

	if (at)
		sscanf(at + strlen(name), " %" SCNu64, &kib);
	return kib * 1024;
}

static void add_process(struct memory *m, uint32_t pid)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/smaps_rollup", pid);
	if (medes_file_read(path, text, sizeof(text)) <= 0) {
		m->unread++;
		return;
	}
	m->resident += field(text, "\nRss:");
	m->anonymous += field(text, "\nAnonymous:");
	m->file += field(text, "\nPss_File:");
	m->shared += field(text, "\nPss_Shmem:");
	m->swap += field(text, "\nSwap:");
	m->locked += field(text, "\nLocked:");
	m->huge += field(text, "\nAnonHugePages:");

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ksm_stat", pid);
	if (medes_file_read(path, text, sizeof(text)) > 0)
		m->mergeable += !!strstr(text, "ksm_mergeable: yes");
}

static void share(json_t *findings, const char *name, uint64_t bytes, uint64_t of,
		  unsigned int percent, const char *what, const char *why, const char *todo)
{
	char text[MEDES_TEXT_SIZE];

	if (!bytes || (double)bytes * 100 < (double)of * percent)
		return;
	finding(findings, NOTE, name, why, todo, "%s %s", medes_text_bytes(text, bytes), what);
}

static void memory(json_t *findings, const struct medes_sandbox *sandbox)
{
	const char *name = sandbox->name;
	struct memory m = { 0 };
	size_t i;

	for (i = 0; i < sandbox->n_processes; i++)
		add_process(&m, sandbox->processes[i].pid);
	if (m.unread)
		finding(findings, NOTE, name, "the findings about its memory are incomplete",
			"run as root, in the initial pid namespace",
			"%u of its processes cannot be looked at (smaps_rollup)", m.unread);
	share(findings, name, m.shared, m.resident, SHARE_PERCENT, "are shared memory",
	      "only private anonymous memory is deduplicated; shared and memfd memory stays",
	      "have the function use private memory, where that is possible");
	share(findings, name, m.locked, m.resident, LITTLE_PERCENT, "are locked in memory",
	      "mlocked pages are left alone", "do without mlock() or mlockall() in sandboxes");
	share(findings, name, m.swap, m.resident + m.swap, LITTLE_PERCENT, "are in swap",
	      "pages in swap are not scanned: they cost no memory, and a request waits for the disk",
	      "deduplicate before the machine swaps");
	share(findings, name, m.huge, m.anonymous, SHARE_PERCENT, "are transparent huge pages",
	      "deduplicating a page splits its huge page for good",
	      "prctl(PR_SET_THP_DISABLE) for functions that gain nothing from huge pages");
	if (m.mergeable)
		finding(findings, NOTE, name, "memory that is KSM's to merge is left alone",
			"do without MADV_MERGEABLE, PR_SET_MEMORY_MERGE and systemd's MemoryKSM=",
			"%u of its processes gave memory to KSM", m.mergeable);
	share(findings, name, m.file, m.resident, 50, "are files' pages",
	      "only private anonymous memory is deduplicated; files' pages belong to the page cache",
	      "nothing: the page cache shares them already");
}

static void domain(json_t *findings, const struct medes_sandbox *sandbox,
		   const struct medes_sandboxes *all, const struct medes_bases *bases)
{
	unsigned int others = 0;
	bool base = false;
	size_t i;

	for (i = 0; i < bases->n; i++)
		base |= !strcmp(bases->v[i].domain, sandbox->domain);
	for (i = 0; i < all->n; i++)
		others += !strcmp(all->v[i].domain, sandbox->domain) && all->v[i].id != sandbox->id;
	if (base)
		return;
	finding(findings, WARNING, sandbox->name,
		"without a base, pages can only be compressed by themselves, not shared",
		others ? "make one: medesctl base add NAME" :
		"it is alone there: add sandboxes of one tenant with the same --domain, then medesctl base add NAME",
		"its domain \"%s\" has no base", sandbox->domain);
}

void diagnose_sandbox(json_t *findings, const struct medes_sandbox *sandbox,
		      const struct medes_sandboxes *all, const struct medes_bases *bases)
{
	uint64_t split = sandbox->stats.v[MEDES_A_STATS_THP_SPLIT];

	if (sandbox->state == MEDES_SANDBOX_STATE_DEAD) {
		finding(findings, NOTE, sandbox->name, "it only takes up a name",
			"medesd removes it, when it runs", "none of its processes is left");
		return;
	}
	if (sandbox->state == MEDES_SANDBOX_STATE_LOST)
		finding(findings, PROBLEM, sandbox->name,
			"whoever touches a lost page gets SIGBUS", "end this sandbox",
			"%" PRIu64 " of its pages are lost",
			sandbox->stats.v[MEDES_A_STATS_PAGES_LOST]);
	if (sandbox->stats.v[MEDES_A_STATS_PAGES_ORPHANED])
		finding(findings, PROBLEM, sandbox->name,
			"whoever touches one of them gets SIGBUS",
			"add a node that has a copy of the base, or end this sandbox",
			"every node has given up the base of %" PRIu64 " of its pages",
			sandbox->stats.v[MEDES_A_STATS_PAGES_ORPHANED]);
	else if (sandbox->stats.v[MEDES_A_STATS_PAGES_UNREACHABLE])
		finding(findings, PROBLEM, sandbox->name,
			"whoever touches one of them waits for that, or gets SIGBUS",
			"medesctl peer list says which nodes are away",
			"no node gives the base of %" PRIu64 " of its pages now",
			sandbox->stats.v[MEDES_A_STATS_PAGES_UNREACHABLE]);
	if (split)
		finding(findings, NOTE, sandbox->name,
			"a function that was fast because of huge pages is slower after a restore",
			"raise HugePagesMin in medesd.conf, or leave it",
			"%" PRIu64 " of its huge pages were split", split);
	domain(findings, sandbox, all, bases);
	memory(findings, sandbox);
}
