# SPDX-License-Identifier: GPL-2.0-or-later
"""The report's charts, drawn by gnuplot as SVG."""
import subprocess

HEAD = """set terminal svg size {width},{height} font "sans-serif,13" background "white" noenhanced
set output "{path}"
set style fill solid 0.85 noborder
set border 3
set tics nomirror out
set grid ytics lc rgb "#dddddd"
"""
COLOURS = ("#2060a0", "#c05a20", "#7a7a7a", "#3c8c50")


def _quote(text):
	return '"' + str(text).replace("\\", "").replace('"', "") + '"'


def _block(name, rows):
	lines = [" ".join(_quote(cell) if isinstance(cell, str) else repr(cell) for cell in row) for row in rows]
	return f"${name} << END\n" + "\n".join(lines) + "\nEND\n"


def _draw(path, script, width=820, height=420):
	subprocess.run(["gnuplot"], input=HEAD.format(path=path, width=width, height=height) + script,
		       text=True, check=True)


def ratios(path, rows):
	"""Medes against zram-lz4, a bar for each thing with a goal, and the goal as a mark."""
	rows = [row for row in rows if row["target"] is not None and row["ratio"]]
	data = [[row["name"], row["ratio"]["median"], row["ratio"]["low"], row["ratio"]["high"], row["target"]]
		for row in rows]
	_draw(path, _block("d", data) + """
set ylabel "ratio, median and quartiles"
set xtics rotate by -30 left
set bmargin 11
set rmargin 16
set boxwidth 0.6
set key top right
plot $d using 0:2:xtic(1) with boxes lc rgb "#2060a0" title "measured", \\
     $d using 0:2:3:4 with yerrorbars lc rgb "black" pt -1 notitle, \\
     $d using 0:5 with points pt 9 ps 1.2 lc rgb "#c02020" title "goal"
""", height=520)


def touches(path, rows):
	"""One page alone, by encoding, beside zram."""
	data = [[row["name"].split(": ")[1], row["medes"]["median"], row["medes"]["low"], row["medes"]["high"],
		 row["other"]["median"], row["other"]["low"], row["other"]["high"]]
		for row in rows if row["name"].startswith("one touch")]
	_draw(path, _block("d", data) + """
set ylabel "us for one touch"
set yrange [0:*]
set style data histogram
set style histogram errorbars gap 1 lw 1
set key top right
plot $d using 2:3:4:xtic(1) lc rgb "#2060a0" title "medes", \\
     $d using 5:6:7 lc rgb "#c05a20" title "zram-lz4, the same pages"
""")


def memory(path, shares):
	data = [[way, 100 * share] for way, share in sorted(shares.items(), key=lambda item: item[1])]
	_draw(path, _block("d", data) + """
set ylabel "% of its memory that one more sandbox takes"
set yrange [0:100]
set boxwidth 0.6
unset key
plot $d using 0:2:xtic(1) with boxes lc rgb "#2060a0", \\
     $d using 0:2:(sprintf("%.1f", $2)) with labels offset 0,0.8
""", width=620)


def requests(path, rows):
	"""First request by function: warm, with the working set, without."""
	found = {}
	for row in rows:
		if not row["name"].startswith("first request"):
			continue
		entry = found.setdefault(row["name"].split(": ")[1], {})
		entry["working set" if "working set" in row["name"] else "dedup"] = row["medes"]["median"]
		if row["other_name"] == "warm":
			entry["warm"] = row["other"]["median"]
	data = [[name, entry.get("warm", 0), entry.get("working set", 0), entry.get("dedup", 0)]
		for name, entry in found.items()]
	_draw(path, _block("d", data) + """
set ylabel "ms to the answer"
set yrange [0:*]
set style data histogram
set style histogram clustered gap 1
set key top left
plot $d using 2:xtic(1) lc rgb "#7a7a7a" title "warm", \\
     $d using 3 lc rgb "#3c8c50" title "deduplicated, working set first", \\
     $d using 4 lc rgb "#2060a0" title "deduplicated"
""")


def touched(path, rows):
	data = [[row["pages"]["median"], row["whole"]["median"] / 1000, row["whole"]["low"] / 1000,
		 row["whole"]["high"] / 1000] for row in rows]
	_draw(path, _block("d", data) + """
set xlabel "pages touched since the last dedup"
set ylabel "ms for the next dedup"
set logscale xy
unset key
plot $d using 1:2:3:4 with yerrorbars pt 7 lc rgb "#2060a0", $d using 1:2 with lines lc rgb "#2060a0"
""", width=620)


def kinds(path, found):
	"""What each way saves of the memory of each kind of process."""
	data = []
	for kind, modes in found.items():
		saved = modes["fast"]["saved_pct"]
		data.append([kind, saved["exact"], saved["paper"], saved["lz4"], saved["zstd"], saved["ours"],
			     modes["dense"]["saved_pct"]["ours"]])
	_draw(path, _block("d", data) + """
set ylabel "memory saved, %"
set yrange [0:100]
set style data histogram
set style histogram clustered gap 1.5
set boxwidth 0.9
set key outside top center horizontal
plot $d using 2:xtic(1) lc rgb "#b0b0b0" title "KSM", \\
     $d using 3 lc rgb "#7a7a7a" title "the paper's algorithm", \\
     $d using 4 lc rgb "#e0a060" title "zram, LZ4", \\
     $d using 5 lc rgb "#c05a20" title "zram, zstd", \\
     $d using 6 lc rgb "#6aa0d8" title "Medes, fast", \\
     $d using 7 lc rgb "#2060a0" title "Medes, dense"
""", width=960)
