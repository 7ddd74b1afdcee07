# SPDX-License-Identifier: GPL-2.0-or-later
"""From samples to figures: medians, quartiles, ratios of pairs."""
import collections
import dataclasses

Quartiles = collections.namedtuple("Quartiles", "low median high n")


def quantile(ordered, share):
	"""Of sorted values, with a straight line between neighbours."""
	if not ordered:
		raise ValueError("no values")
	place = share * (len(ordered) - 1)
	low = int(place)
	high = min(low + 1, len(ordered) - 1)
	return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def quartiles(values):
	ordered = sorted(values)
	return Quartiles(quantile(ordered, 0.25), quantile(ordered, 0.5), quantile(ordered, 0.75),
			 len(ordered))


def pair_ratios(left, right):
	"""Ratios of what was measured in the same round; both map rounds to values."""
	return [left[key] / right[key] for key in sorted(left.keys() & right.keys()) if right[key]]


@dataclasses.dataclass
class Series:
	"""One thing done one way: values by round, in microseconds a page."""
	wall: dict
	cpu: dict

	def quartiles(self):
		return quartiles(self.wall.values())

	def cpu_median(self):
		return quartiles(self.cpu.values()).median


def series(samples, what, way, **keys):
	"""Samples of a round are summed: their times, their pages."""
	sums = collections.defaultdict(lambda: [0, 0, 0])
	for sample in samples:
		if sample["what"] != what or sample["way"] != way:
			continue
		if any(sample.get(key) != value for key, value in keys.items()):
			continue
		entry = sums[sample["round"], sample["image"]]
		entry[0] += sample["ns"]
		entry[1] += sample["cpu"]
		entry[2] += sample["pages"]
	return Series({key: ns / pages / 1000 for key, (ns, _, pages) in sums.items() if pages},
		      {key: cpu / pages / 1000 for key, (_, cpu, pages) in sums.items() if pages})


def share(samples, what, way, of, part, **keys):
	"""part / of over all samples that match, as a share of 1."""
	whole = some = 0
	for sample in samples:
		if sample["what"] == what and sample["way"] == way and \
		   all(sample.get(key) == value for key, value in keys.items()):
			whole += sample[of]
			some += sample[part]
	return some / whole if whole else None


@dataclasses.dataclass
class Row:
	"""A line of the table: Medes against what it is compared with."""
	name: str
	unit: str
	medes: Quartiles
	cpu: float
	other_name: str = ""
	other: Quartiles = None
	other_cpu: float = None
	ratio: Quartiles = None
	target: float = None
	note: str = ""
	at_least: bool = False

	@property
	def reached(self):
		if self.target is None or self.ratio is None:
			return None
		if self.at_least:
			return self.ratio.median >= self.target
		return self.ratio.median <= self.target


def compare(name, left, right, other_name, target=None, note="", unit="us/page"):
	ratios = pair_ratios(left.wall, right.wall)
	return Row(name, unit, left.quartiles(), left.cpu_median(), other_name, right.quartiles(),
		   right.cpu_median(), quartiles(ratios) if ratios else None, target, note)


ORDERS = (("alone", "touch, one page alone", 1.3),
	  ("sequential", "touch, sequential", 0.4),
	  ("request", "touch, a request's own order", 0.8),
	  ("shuffled", "touch, all pages shuffled", 0.8),
	  ("sparse", "touch, an eighth at random", None))


def page_rows(samples):
	rows = []
	out = series(samples, "out", "medes")
	if not out.wall:
		return rows
	for way, target in (("zram-lz4", 1.5), ("zram-zstd", None)):
		rows.append(compare("dedup", out, series(samples, "out", way), way, target))
	rows.append(compare("dedup, against memory.reclaim", out, series(samples, "reclaim", "zram-lz4"),
			    "zram-lz4"))
	for order, name, target in ORDERS:
		for way, limit in (("zram-lz4", target), ("zram-zstd", None)):
			other = series(samples, "in", way, order=order)
			mine = series(samples, "in", "medes", order=order)
			if not other.wall or not mine.wall:
				continue
			unused = share(samples, "in", "medes", "brought", "unused", order=order)
			rows.append(compare(name, mine, other, way, limit,
					    f"{unused:.0%} unused" if unused is not None else ""))
	for encoding in ("all", "zero", "same", "words", "dict", "self"):
		mine = series(samples, "touch", "medes", encoding=encoding)
		other = series(samples, "touch", "zram-lz4", encoding=encoding)
		if mine.wall and other.wall:
			rows.append(compare(f"one touch, median: {encoding}", mine, other, "zram-lz4",
					    1.3 if encoding == "all" else None))
	for way, target in (("zram-lz4", 0.8), ("zram-zstd", None)):
		for what, threads in (("bulk", 1), ("bulk2", 2)):
			mine, other = series(samples, what, "medes"), series(samples, what, way)
			if mine.wall and other.wall:
				rows.append(compare(f"bulk restore, {threads} thread{'s' * (threads > 1)}",
						    mine, other, way, target))
	minor = series(samples, "in", "minor")
	rows.append(compare("one page alone, against a minor fault",
			    series(samples, "in", "medes", order="alone"), minor, "minor fault"))
	return rows


def parts(samples):
	"""Where the time of a dedup goes: us a page."""
	outs = [s for s in samples if s["what"] == "out" and s["way"] == "medes"]
	pages = sum(s["pages"] for s in outs)
	return {part: sum(s[part] for s in outs) / pages / 1000 for part in ("scan", "choose", "store")} \
		if pages else {}


def request_series(samples, what, way, name):
	"""A request, in milliseconds."""
	found = series(samples, what, way, image=name)
	return Series({key: value / 1000 for key, value in found.wall.items()},
		      {key: value / 1000 for key, value in found.cpu.items()})


def request_rows(samples):
	rows = []
	functions = list(dict.fromkeys(s["image"] for s in samples if s["what"] == "first"))
	for name in functions:
		warm, dedup, prefetched = (request_series(samples, "first", way, name)
					   for way in ("warm", "dedup", "working-set"))
		main = name == functions[0]
		for left, text, right, other, target in (
				(dedup, "", warm, "warm", None),
				(prefetched, ", working set", dedup, "without", 0.5 if main else None),
				(prefetched, ", working set", warm, "warm", 1.5 if main else None)):
			if left.wall and right.wall:
				rows.append(compare(f"first request{text}: {name}", left, right, other, target,
						    "ms", "ms"))
	for name in dict.fromkeys(s["image"] for s in samples if s["what"] == "burst"):
		never, restored = (request_series(samples, "burst", way, name) for way in ("never", "restored"))
		# throughput is the inverse of time
		ratios = pair_ratios(never.wall, restored.wall)
		rows.append(Row(f"request after restore: {name}", "ms", restored.quartiles(),
				restored.cpu_median(), "never away", never.quartiles(), never.cpu_median(),
				quartiles(ratios), 0.97, "ms; throughput", at_least=True))
	return rows


def memory(samples):
	"""What is left of one more sandbox of each function: shares of 1 by way."""
	return {s["way"]: s["bytes"] / (s["pages"] * 4096) for s in samples if s["what"] == "memory"}


def touched_rows(samples):
	"""(percent, pages, us of the whole dedup, us a page): quartiles."""
	rows = []
	for percent in (1, 10, 100):
		found = [s for s in samples if s["what"] == "again" and s["percent"] == percent]
		if found:
			rows.append((percent, quartiles(s["pages"] for s in found),
				     quartiles(s["ns"] / 1000 for s in found),
				     quartiles(s["ns"] / 1000 / s["pages"] for s in found if s["pages"])))
	return rows


def sandbox_rows(samples):
	"""(sandboxes, us a page of dedup, of touching, of bulk restore): quartiles."""
	rows = []
	for many in sorted({s["sandboxes"] for s in samples if s["what"] == "sandboxes-out"}):
		rows.append((int(many), *(quartiles(series(samples, what, "medes", sandboxes=many).wall.values())
					  for what in ("sandboxes-out", "sandboxes-in", "sandboxes-bulk"))))
	return rows


def registry_rows(samples):
	"""(bases, pages in the registry, us a look-up, bytes a base page)"""
	rows = []
	for many in sorted({s["bases"] for s in samples if s["what"] == "look-up"}):
		found = [s for s in samples if s["what"] == "look-up" and s["bases"] == many]
		rows.append((int(many), int(found[0]["registry_pages"]),
			     quartiles(s["ns"] / 1000 / s["pages"] for s in found),
			     found[0]["registry_bytes"] / found[0]["registry_pages"]))
	return rows


def summary(found):
	samples = found["samples"]
	return {"rows": page_rows(samples) + request_rows(samples), "parts": parts(samples),
		"memory": memory(samples), "touched": touched_rows(samples),
		"sandboxes": sandbox_rows(samples), "registry": registry_rows(samples)}
