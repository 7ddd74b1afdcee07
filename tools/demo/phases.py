# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's phases, in the order in which run() goes through them.

Sandbox 1 of a function becomes its base. 2 and the last one are asked first
after deduplication. 3 is compared page by page as reading brings its pages
back; so is 1, after it was restored in bulk. The last one is "one more
sandbox": it starts alone, and is deduplicated when all others are.
"""
import concurrent.futures
import itertools
import os
import subprocess
import time

import functions
import measure
import pages
from sandboxes import DemoError, Sandbox, Slice, reference

SANDBOXES = 4
REQUESTS = 20
# seeds after those of the warm-up, one for each time a sandbox is asked again
WARM, FIRST, AGAIN = REQUESTS, REQUESTS + 1, REQUESTS + 2
AT_ONCE = 2


class Demo:
	def __init__(self, names, medes):
		self.names = names
		self.medes = medes
		self.began = time.monotonic()
		self.totals = {}
		self.zram = {}
		self.free = {}
		self.answers = {}
		self.undo = []

	def say(self, text):
		print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

	def of(self, function):
		return [s for s in self.sandboxes if s.function == function]

	def at(self, *indexes):
		return [s for s in self.sandboxes if s.index in indexes]

	def run(self):
		try:
			self.prepare()
			self.compute_answers()
			self.start_sandboxes()
			self.look_at_pages()
			self.deduplicate()
			self.ask_first()
			self.compare()
			self.restore()
		finally:
			self.clean_up()

	def prepare(self):
		if os.geteuid():
			raise DemoError("only root can load a module and freeze cgroups")
		if measure.read("/proc/sys/kernel/randomize_va_space") != "2":
			raise DemoError("ASLR is not fully on: sysctl kernel.randomize_va_space=2")
		if len(measure.read("/proc/swaps").splitlines()) > 1:
			raise DemoError("there is swap, which would mix with what is measured: swapoff -a")
		self.undo.append(measure.bound_page_lists())
		self.undo.append(self.medes.stop)
		self.medes.start()
		self.say("module loaded, medesd answers")
		slice_ = Slice()
		self.undo.append(slice_.close)
		self.sandboxes = [Sandbox(name, index, slice_) for name in self.names
				  for index in range(1, SANDBOXES + 1)]

	def seeds(self, sandbox):
		"""No two sandboxes ever see the same seed."""
		first = 1000 * functions.NAMES.index(sandbox.function) + 100 * sandbox.index
		return range(first, first + AGAIN + 1)

	def compute_answers(self):
		def compute(name):
			seeds = list(itertools.chain(*map(self.seeds, self.of(name))))
			return reference(name, seeds)

		for answers in self._parallel(compute, self.names):
			self.answers.update(answers)
		self.say(f"{len(self.answers)} right answers computed, each by a process that is no sandbox")

	@staticmethod
	def _parallel(function, items):
		with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
			return list(pool.map(function, items))

	def check(self, sandbox, nth, answer):
		seed = self.seeds(sandbox)[nth]
		if answer != self.answers[seed]:
			raise DemoError(f"{sandbox.name}: wrong answer for seed {seed}: {answer},"
					f" should be {self.answers[seed]}")

	def ask(self, sandbox, nth):
		"""Milliseconds until the right answer."""
		begin = time.monotonic()
		answer = sandbox.ask(self.seeds(sandbox)[nth])
		took = (time.monotonic() - begin) * 1000
		self.check(sandbox, nth, answer)
		return took

	def start_sandboxes(self):
		def start(sandbox):
			self.undo.append(sandbox.stop)
			self.check(sandbox, 0, sandbox.start(self.seeds(sandbox)[0]))
			for nth in range(1, REQUESTS):
				self.ask(sandbox, nth)

		*others, last = range(1, SANDBOXES + 1)
		self._parallel(start, self.at(*others))
		self.say(f"{len(self.at(*others))} sandboxes started, each served {REQUESTS} requests")
		for sandbox in self.at(last):
			start(sandbox)
		self.say(f"{len(self.at(last))} more started, each alone, for the time of a cold start")
		for sandbox in self.sandboxes:
			sandbox.warm_ms = self.ask(sandbox, WARM)
		self._check_layouts()

	def _check_layouts(self):
		seen = {}
		for sandbox in self.sandboxes:
			address = measure.libc_address(sandbox.pid)
			other = seen.setdefault(address, sandbox)
			if other is not sandbox:
				raise DemoError(f"{other.name} and {sandbox.name} both have libc at {address}:"
						" ASLR is not at work")

	def look_at_pages(self):
		"""Freeze all, hash every anonymous page, and let zram have the same pages."""
		self.undo.append(measure.pause_khugepaged())
		for sandbox in self.sandboxes:
			sandbox.freeze()
			sandbox.anonymous = measure.anonymous(sandbox.pid)
			sandbox.huge = measure.huge(sandbox.pid)
		self.reader = pages.Reader()
		zram = measure.Zram()
		self.undo.append(zram.close)
		for name in self.names:
			zram.begin(sum(s.anonymous for s in self.of(name)))
			for sandbox in self.of(name):
				self._snapshot(sandbox, zram.write)
			self.zram[name] = zram.kept()
		zram.empty()
		count = sum(len(s.pages) for s in self.sandboxes)
		self.say(f"frozen, {count} anonymous pages hashed and given to zram with zstd")

	def _snapshot(self, sandbox, sink):
		sandbox.pages = self.reader.snapshot(sandbox.pid, sink)
		if len(sandbox.pages) * pages.PAGE != sandbox.anonymous:
			raise DemoError(f"{sandbox.name}: smaps_rollup counts {sandbox.anonymous} anonymous bytes,"
					f" the page tables {len(sandbox.pages) * pages.PAGE}")

	def deduplicate(self):
		for sandbox in self.sandboxes:
			self.medes.add(sandbox)
		self._count("warm")
		for sandbox in self.at(1):
			sandbox.dedup_ms = self.medes.base(sandbox)
			self.say(f"{sandbox.name} is a base")
		*others, last = range(2, SANDBOXES + 1)
		for stage, group in (("others", self.at(*others)), ("all", self.at(last))):
			for sandbox in group:
				sandbox.dedup_ms = self.medes.dedup(sandbox)
			self._count(stage)
			self.say(f"{len(group)} sandboxes deduplicated")
		for sandbox in self.sandboxes:
			sandbox.usage = self.medes.usage(sandbox)
			sandbox.left = pages.resident(sandbox.pid)
			sandbox.away = pages.away(sandbox.pid)

	def _count(self, stage):
		self.free[stage] = measure.free_memory()
		self.totals[stage] = (self.medes.totals(), measure.anonymous(self.medes.pid))

	def ask_first(self):
		for sandbox in self.at(2, SANDBOXES):
			begin = time.monotonic()
			sandbox.thaw()
			self.ask(sandbox, FIRST)
			sandbox.first_ms = (time.monotonic() - begin) * 1000
		self.say(f"{len(self.at(2, SANDBOXES))} sandboxes answered out of deduplication, all right")

	def compare(self):
		for sandbox in self.at(1):
			self.medes.restore(sandbox)
			away = (sandbox.anonymous - pages.resident(sandbox.pid)) // pages.PAGE
			if self.medes.usage(sandbox).stored or away > pages.zeros(sandbox.pages):
				raise DemoError(f"{sandbox.name}: {away} pages are not back"
						" after it was restored in bulk")
		for sandbox in self.at(1, 3):
			sandbox.wrong = len(pages.differing(sandbox.pages, self.reader.snapshot(sandbox.pid)))
		count = sum(len(s.pages) for s in self.at(1, 3))
		self.say(f"{count} pages compared, half restored in bulk, half by reading them")

	def restore(self):
		self.medes.restore_all()
		left = self.medes.totals().stored
		if left:
			raise DemoError(f"{left} pages are still deduplicated after `medesctl restore --all --wait`")
		for sandbox in self.sandboxes:
			sandbox.thaw()
			self.ask(sandbox, AGAIN)
		self.say(f"everything restored, {len(self.sandboxes)} sandboxes answered again, all right")

	def clean_up(self):
		"""Undo in reverse; one that fails does not keep the others from their turn."""
		while self.undo:
			undo = self.undo.pop()
			try:
				undo()
			except (OSError, subprocess.SubprocessError, DemoError) as error:
				self.say(f"cleaning up: {error}")
