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
	return "\n".join(lines)
