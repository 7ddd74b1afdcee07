# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as text for a terminal."""

HEAD = (f"{'':42}{'medes':>8} {'(quartiles)':>17} {'CPU':>8}   {'compared with':13}"
	f"{'it':>8} {'CPU':>8} {'ratio':>7} {'(quartiles)':>13} {'goal':>6}")


def line(row):
	text = (f"{row.name:42}{row.medes.median:8.1f} {f'({row.medes.low:.1f}-{row.medes.high:.1f})':>17}"
		f" {row.cpu:8.1f}")
	if row.other:
		text += f"   {row.other_name:13}{row.other.median:8.1f} {row.other_cpu:8.1f}"
	if row.ratio:
		text += f" {row.ratio.median:7.2f} {f'({row.ratio.low:.2f}-{row.ratio.high:.2f})':>13}"
	if row.target is not None:
		text += f" {row.target:6.2f} {'' if row.reached else 'missed'}"
	return f"{text} {row.note}".rstrip()


def text(summary):
	lines = [HEAD] + [line(row) for row in summary["rows"]]
	if summary["parts"]:
		lines.append("dedup, us/page: " + ", ".join(f"{part} {value:.1f}" for part, value
							   in summary["parts"].items()))
	if summary["memory"]:
		lines.append("one more sandbox of each function, what is left of its memory: "
			     + ", ".join(f"{way} {share:.1%}" for way, share in summary["memory"].items()))
	for percent, pages, whole, each in summary["touched"]:
		lines.append(f"dedup again, {percent} % touched: {pages.median:.0f} pages in {whole.median:.0f} us,"
			     f" {each.median:.1f} us/page ({each.low:.1f}-{each.high:.1f})")
	for many, out, touch, bulk in summary["sandboxes"]:
		lines.append(f"{many} sandboxes: dedup {out.median:.1f}, touch {touch.median:.1f},"
			     f" bulk restore {bulk.median:.1f} us/page")
	for many, pages, each, size in summary["registry"]:
		lines.append(f"registry of {many} bases, {pages} pages: {each.median:.2f} us a look-up,"
			     f" {size:.0f} bytes a base page")
	return "\n".join(lines)
