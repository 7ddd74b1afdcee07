# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demo found: one dictionary, the text made of it, and the verdict.

Nothing is left out of what deduplicated sandboxes cost: pages that stayed,
records with their allocator's overhead, struct pages of device memory, base
pages, and what medesd's registry grew by. What belongs to one sandbox is
counted in its function's row; the rest is shared out by pages stored, so
that the rows add up to the total.
"""
import statistics

import measure
import pages

MIB = 1 << 20
# per cent of all, and of one more sandbox when others are there
WANTED = {"fast": (60, 80), "dense": (68, 85)}
# the kernel's own ups and downs: slab, page tables, per-CPU lists
FREE_SLACK = 16 * MIB
FREE_SLACK_SHARE = 0.05


def _saved(before, after):
	return 100 * (1 - after / before)


def _mean(values):
	return statistics.mean(value for value in values if value is not None)


def _unowned(demo, stage="all"):
	"""Bytes of overhead that no sandbox owns: medesd's growth and rounding."""
	totals, daemon = demo.totals[stage]
	owned = sum(s.usage.overhead for s in demo.sandboxes)
	return totals.overhead - owned + daemon - demo.totals["warm"][1]


def _row(demo, name):
	boxes = demo.of(name)
	stored = sum(s.usage.stored for s in demo.sandboxes)
	share = sum(s.usage.stored for s in boxes) / max(stored, 1)
	warm = sum(s.anonymous for s in boxes)
	dedup = sum(s.left + s.usage.overhead for s in boxes) + share * _unowned(demo)
	encodings = {}
	for box in boxes:
		for encoding, count in box.usage.pages.items():
			encodings[encoding] = encodings.get(encoding, 0) + count
	given, kept = demo.zram[name]
	asked = [s for s in boxes if s.first_ms is not None]
	others = [s for s in boxes if not s.is_base]
	return {
		"warm_bytes": warm,
		"dedup_bytes": round(dedup),
		"saved_percent": _saved(warm, dedup),
		"zram_given_bytes": given,
		"zram_bytes": kept,
		"pages": encodings,
		"left_bytes": sum(s.left for s in boxes),
		"base_ms": _mean([s.dedup_ms for s in boxes if s.is_base] or [0]),
		"dedup_ms": _mean(s.dedup_ms for s in others or boxes),
		"first_warm_ms": _mean(s.warm_ms for s in asked),
		"first_dedup_ms": _mean(s.first_ms for s in asked),
		"first_cold_ms": boxes[-1].cold_ms,
	}


def _cost(demo, stage):
	totals, daemon = demo.totals[stage]
	return totals.overhead + daemon


def _marginal(demo):
	"""The last sandbox of each function, when bases and all others are there."""
	boxes = demo.at(max(s.index for s in demo.sandboxes))
	warm = sum(s.anonymous for s in boxes)
	cost = _cost(demo, "all") - _cost(demo, "others") + sum(s.left for s in boxes)
	return {"warm_bytes": warm, "dedup_bytes": cost, "saved_percent": _saved(warm, cost)}


def result(demo):
	warm = sum(s.anonymous for s in demo.sandboxes)
	left = sum(s.left for s in demo.sandboxes)
	totals = demo.totals["all"][0]
	registry = demo.totals["all"][1] - demo.totals["warm"][1]
	dedup = left + totals.overhead + registry
	compared = [s for s in demo.sandboxes if s.wrong is not None]
	found = {
		"mode": demo.mode,
		"kernel": measure.read("/proc/sys/kernel/osrelease"),
		"huge_bytes": sum(s.huge for s in demo.sandboxes),
		"functions": {name: _row(demo, name) for name in demo.names},
		"sandboxes": len(demo.sandboxes),
		"warm_bytes": warm,
		"dedup_bytes": dedup,
		"saved_percent": _saved(warm, dedup),
		"parts": {"left": left, "records": totals.record_bytes, "struct pages": totals.device_bytes,
			  "bases": totals.base_bytes, "registry": registry},
		"stored_pages": totals.stored,
		"away_pages": sum(s.away for s in demo.sandboxes) // pages.PAGE,
		"split_bytes": warm - left - sum(s.away for s in demo.sandboxes),
		"free_change_bytes": demo.free["all"] - demo.free["warm"],
		"free_expected_bytes": warm - dedup,
		"marginal": _marginal(demo),
		"compared_pages": sum(len(s.pages) for s in compared),
		"wrong_pages": sum(s.wrong for s in compared),
	}
	found["missed"] = list(_missed(found))
	return found


def _missed(found):
	"""What should be so and is not, in words."""
	saved, marginal = WANTED[found["mode"]]
	if found["saved_percent"] < saved:
		yield f"saved {found['saved_percent']:.1f} %, at least {saved} % wanted in {found['mode']} mode"
	if found["marginal"]["saved_percent"] < marginal:
		yield (f"one more sandbox saves {found['marginal']['saved_percent']:.1f} %,"
		       f" at least {marginal} % wanted in {found['mode']} mode")
	if found["wrong_pages"] or not found["compared_pages"]:
		yield (f"{found['wrong_pages']} wrong pages of {found['compared_pages']} compared,"
		       " none of many wanted")
	change, expected = found["free_change_bytes"], found["free_expected_bytes"]
	slack = max(FREE_SLACK, FREE_SLACK_SHARE * abs(expected))
	if abs(change - expected) > slack:
		yield (f"MemFree rose by {change / MIB:.1f} MiB and the counters say {expected / MIB:.1f} MiB:"
		       f" more than {slack / MIB:.1f} MiB apart")
	if found["away_pages"] != found["stored_pages"]:
		yield (f"the counters name {found['stored_pages']} stored pages,"
		       f" the page tables {found['away_pages']}")


HEAD = """
{mode} mode
function    warm MiB  dedup MiB  saved %   zram-zstd   dedup ms   first request, ms
                                           MiB      %            warm   dedup     cold"""
ROW = "{:<10} {:9.1f} {:10.1f} {:8.1f} {:7.1f} {:6.1f} {:10.0f} {:6.0f} {:7.0f} {:8.0f}"


def _row_text(name, row):
	return ROW.format(name, row["warm_bytes"] / MIB, row["dedup_bytes"] / MIB, row["saved_percent"],
			  row["zram_bytes"] / MIB, _saved(row["zram_given_bytes"], row["zram_bytes"]),
			  row["dedup_ms"], row["first_warm_ms"], row["first_dedup_ms"], row["first_cold_ms"])


def text(found):
	marginal = found["marginal"]
	lines = [HEAD.format(mode=found["mode"])]
	lines += [_row_text(name, row) for name, row in found["functions"].items()]
	lines += [
		"",
		"deduplicated: " + ", ".join(f"{part} {size / MIB:.1f}" for part, size in found["parts"].items())
		+ " MiB",
		f"warm: {found['huge_bytes'] / MIB:.1f} MiB of it in huge pages; splitting them freed"
		f" {found['split_bytes'] / MIB:.1f} MiB of zeros",
		f"MemFree rose by {found['free_change_bytes'] / MIB:.1f} MiB;"
		f" the counters say {found['free_expected_bytes'] / MIB:.1f} MiB",
		f"one more sandbox: {marginal['warm_bytes'] / MIB:.1f} MiB -> {marginal['dedup_bytes'] / MIB:.1f} MiB"
		f" (saved {marginal['saved_percent']:.1f} %), over the last one of each function",
		f"wrong pages: {found['wrong_pages']} of {found['compared_pages']} compared",
	]
	lines += [f"MISSED: {miss}" for miss in found["missed"]]
	lines.append(f"demo: {found['sandboxes']} sandboxes, {found['warm_bytes'] / MIB:.1f} MiB ->"
		     f" {found['dedup_bytes'] / MIB:.1f} MiB (saved {found['saved_percent']:.1f} %)")
	return "\n".join(lines)
