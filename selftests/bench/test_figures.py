# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's statistics on numbers whose figures are known. Speaks TAP."""
import os
import sys
import traceback

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/bench"))

import figures  # noqa: E402


def sample(what, way, rnd, pages, us, image="vanilla", cpu=0, **keys):
	return {"what": what, "way": way, "round": rnd, "image": image, "pages": pages,
		"ns": us * 1000, "cpu": cpu * 1000, **keys}


def quartiles_lie_between_neighbours():
	assert figures.quartiles([4, 1, 3, 2]) == (1.75, 2.5, 3.25, 4)
	assert figures.quartiles([7]) == (7, 7, 7, 1)
	assert figures.quartiles(range(101)) == (25, 50, 75, 101)


def quartiles_of_nothing_are_refused():
	try:
		figures.quartiles([])
	except ValueError:
		return
	raise AssertionError("no error")


def an_outlier_moves_no_median():
	assert figures.quartiles([10] * 19 + [10000]).median == 10


def pairs_are_of_one_round():
	assert figures.pair_ratios({1: 10, 2: 30, 4: 1}, {2: 10, 1: 20, 3: 1}) == [0.5, 3.0]


def a_pair_with_nothing_below_is_left_out():
	assert figures.pair_ratios({1: 10, 2: 30}, {1: 0, 2: 10}) == [3.0]


def samples_of_a_round_are_summed():
	samples = [sample("out", "medes", 0, 100, 1000, cpu=400), sample("out", "medes", 0, 300, 1000, cpu=400),
		   sample("out", "medes", 1, 10, 100), sample("in", "medes", 0, 1, 9999),
		   sample("out", "zram", 0, 1, 9999)]
	found = figures.series(samples, "out", "medes")
	assert found.wall == {(0, "vanilla"): 5.0, (1, "vanilla"): 10.0}
	assert found.cpu == {(0, "vanilla"): 2.0, (1, "vanilla"): 0.0}


def images_of_a_round_stay_apart():
	samples = [sample("out", "medes", 0, 10, 100, image=name) for name in ("a", "b")]
	assert len(figures.series(samples, "out", "medes").wall) == 2


def keys_choose_samples():
	samples = [sample("in", "medes", 0, 1, 5, order="alone"), sample("in", "medes", 0, 1, 7, order="sparse")]
	assert figures.series(samples, "in", "medes", order="alone").wall == {(0, "vanilla"): 5.0}


def unused_is_a_share_of_what_was_brought():
	samples = [sample("in", "medes", 0, 8, 1, brought=10, unused=2),
		   sample("in", "medes", 1, 8, 1, brought=30, unused=8)]
	assert figures.share(samples, "in", "medes", "brought", "unused") == 0.25
	assert figures.share(samples, "in", "zram", "brought", "unused") is None


def a_goal_is_reached_by_the_median():
	def row(median, target):
		return figures.Row("", "", None, 0, ratio=figures.Quartiles(0, median, 9, 5), target=target)

	assert row(1.5, 1.5).reached is True
	assert row(1.51, 1.5).reached is False
	assert row(1.5, None).reached is None


def throughput_is_to_be_at_least_so_much():
	def row(median):
		return figures.Row("", "", None, 0, ratio=figures.Quartiles(0, median, 9, 5), target=0.97, at_least=True)

	assert row(0.97).reached is True
	assert row(0.96).reached is False


def rows_of_a_whole_run():
	samples = [sample("first", way, rnd, 1, us) for rnd in range(3)
		   for way, us in (("warm", 100000), ("dedup", 400000), ("working-set", 150000))]
	rows = figures.request_rows(samples)
	assert [(row.other_name, row.ratio.median, row.reached) for row in rows] == [
		("warm", 4.0, None), ("without", 0.375, True), ("warm", 1.5, True)]


def memory_is_a_share_of_the_pages():
	samples = [sample("memory", "medes", 0, 10, 0, bytes=4096), sample("out", "medes", 0, 10, 0)]
	assert figures.memory(samples) == {"medes": 0.1}


TESTS = [value for name, value in sorted(globals().items())
	 if callable(value) and getattr(value, "__module__", "") == "__main__" and name != "sample"]


def main():
	print(f"1..{len(TESTS)}")
	failed = 0
	for number, test in enumerate(TESTS, 1):
		try:
			test()
			print(f"ok {number} figures: {test.__name__.replace('_', ' ')}")
		except Exception:  # whatever it is, it is this test that failed
			failed += 1
			print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
			print(f"not ok {number} figures: {test.__name__.replace('_', ' ')}")
	return 1 if failed else 0


if __name__ == "__main__":
	sys.exit(main())
