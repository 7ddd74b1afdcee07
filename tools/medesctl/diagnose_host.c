// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Findings about the machine: kernel, module, daemon, settings of memory
 * management that work against deduplication, ceilings, refusals.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "client.h"
#include "diagnose.h"
#include "proc.h"
#include "text.h"

/* Of a ceiling, from where on it is close. */
#define CLOSE_PERCENT 90
/* Of pages that were tried, from where on refusals are worth a word. */
#define REFUSED_PERCENT 5
#define REFUSED_MIN 100

/* What the module cannot do without. */
static const char *const options[] = {
	"CONFIG_DEVICE_PRIVATE", "CONFIG_ZONE_DEVICE", "CONFIG_MEMORY_HOTREMOVE",
	"CONFIG_HMM_MIRROR", "CONFIG_ZSMALLOC",
};

static bool config_has(const char *config, const char *option)
{
	size_t len = strlen(option);
	const char *at;

	for (at = strstr(config, option); at; at = strstr(at + 1, option))
		if ((at == config || at[-1] == '\n') && at[len] == '=' &&
		    (at[len + 1] == 'y' || at[len + 1] == 'm'))
			return true;
	return false;
}

static void kernel_config(json_t *findings)
{
	enum { SIZE = 1 << 20 };
	char path[256], *text = malloc(SIZE);
	struct utsname uts;
	size_t i;

	if (!text || uname(&uts))
		goto out;
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	if (medes_file_read(path, text, SIZE) < 0) {
		snprintf(path, sizeof(path), "/lib/modules/%s/config", uts.release);
		if (medes_file_read(path, text, SIZE) < 0)
			goto out;
	}
	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (!config_has(text, options[i]))
			finding(findings, PROBLEM, "kernel", "the module cannot work without it",
				"boot a kernel that has it, for example Debian's from backports",
				"%s of %s lacks %s", path, uts.release, options[i]);
out:
	free(text);
}

static void daemon_reachable(json_t *findings, const struct args *args)
{
	int fd = client_connect(args);

	if (fd >= 0)
		close(fd);
	else
		finding(findings, PROBLEM, "medesd",
			"pages that are deduplicated stay so and come back when touched, but no further ones go",
			"start it: systemctl start medesd; or name its socket with --socket",
			"the daemon does not answer at %s: %s", args->socket, strerror(-fd));
}

static void memory_settings(json_t *findings)
{
	static const char thp[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	char text[256];

	if (medes_file_read(thp, text, sizeof(text)) > 0 && strstr(text, "[always]"))
		finding(findings, NOTE, "huge pages",
			"deduplicating a page splits its huge page for good, and khugepaged may bring pages back to build a new one",
			"for sandboxes that gain nothing from huge pages: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
			"transparent huge pages are on for every process");
	if (medes_file_read("/sys/kernel/mm/ksm/run", text, sizeof(text)) > 0 && text[0] == '1')
		finding(findings, WARNING, "KSM",
			"memory that was given to KSM is left alone, and its scanning faults nothing back but costs CPU",
			"stop it (echo 2 > /sys/kernel/mm/ksm/run), and start functions without MemoryKSM=",
			"kernel samepage merging runs");
}

void diagnose_host(json_t *findings, const struct args *args, struct medes_nl *nl)
{
	if (!nl) {
		finding(findings, PROBLEM, "module", "nothing can be deduplicated without it",
			"load it: modprobe medes; if that fails, the kernel's log says why: dmesg | grep medes",
			"the kernel module is not loaded");
		kernel_config(findings);
	}
	daemon_reachable(findings, args);
	memory_settings(findings);
}

static void ceiling(json_t *findings, const char *what, const char *file, uint64_t used,
		    uint64_t max)
{
	unsigned int percent = max ? (double)used * 100 / max : 0;
	char todo[128];

	if (percent < CLOSE_PERCENT)
		return;
	snprintf(todo, sizeof(todo), "raise /sys/kernel/medes/%s, or deduplicate less", file);
	finding(findings, percent < 100 ? WARNING : PROBLEM, "ceiling",
		"at the ceiling pages are refused, and stay as they are", todo,
		"%u %% of the most %s are in use", percent, what);
}

/* Why pages were left alone, as a share of those that were tried. */
static void refusal(json_t *findings, const struct medes_stats *s, unsigned int counter,
		    const char *what, const char *why, const char *todo)
{
	uint64_t tried = s->v[MEDES_A_STATS_STORED], refused = s->v[counter];
	unsigned int i;

	for (i = MEDES_A_STATS_REFUSED_CHANGED; i <= MEDES_A_STATS_REFUSED_MEMORY; i++)
		tried += s->v[i];
	if (refused < REFUSED_MIN || refused * 100 < tried * REFUSED_PERCENT)
		return;
	finding(findings, NOTE, "refused pages", why, todo,
		"%" PRIu64 " of %" PRIu64 " tries (%" PRIu64 " %%) left a page alone: %s",
		refused, tried, refused * 100 / tried, what);
}

/* About the module's counters. */
void diagnose_module(json_t *findings, const struct medes_features *f)
{
	const struct medes_stats *s = &f->stats;

	ceiling(findings, "deduplicated pages", "max_device_pages", medes_stats_pages(s),
		f->max_device_pages);
	ceiling(findings, "bytes of bases", "max_base_bytes", s->v[MEDES_A_STATS_BASE_BYTES],
		f->max_base_bytes);
	ceiling(findings, "bytes of records", "max_record_bytes",
		s->v[MEDES_A_STATS_RECORD_BYTES], f->max_record_bytes);
	refusal(findings, s, MEDES_A_STATS_REFUSED_CHANGED, "they changed while being stored",
		"the sandboxes were at work", "deduplicate idle sandboxes, and let medesd freeze their cgroups");
	refusal(findings, s, MEDES_A_STATS_REFUSED_PINNED, "somebody held a reference",
		"pinned pages (I/O in flight, RDMA, io_uring buffers, a debugger) cannot go",
		"wait for I/O to end; long-term pins stay");
	refusal(findings, s, MEDES_A_STATS_REFUSED_UNSUITED, "not private anonymous memory any more",
		"files, shared memory, mlocked and KSM pages are left alone",
		"see the findings of each sandbox");
	refusal(findings, s, MEDES_A_STATS_REFUSED_SIZE, "no encoding was small enough",
		"data that looks random (compressed, encrypted, media) does not shrink",
		"make a base of a sandbox of the same function: medesctl base add NAME");
	refusal(findings, s, MEDES_A_STATS_REFUSED_MEMORY, "no memory, or a ceiling",
		"records need memory before pages give some", "free some memory, or raise the ceilings");
	if (s->v[MEDES_A_STATS_PAGES_LOST])
		finding(findings, PROBLEM, "lost pages",
			"whoever touches one gets SIGBUS; the sandbox must not serve any more",
			"end the sandboxes in state lost; the kernel's log says which pages",
			"%" PRIu64 " pages cannot be rebuilt", s->v[MEDES_A_STATS_PAGES_LOST]);
}
