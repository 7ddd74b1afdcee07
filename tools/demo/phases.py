# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's phases, in the order in which run() goes through them.

Everything goes through medesd's client interface. It has no way to ask for a certain
sandbox: the demo acquires the others, so that one is free. An acquired sandbox does not
idle, so the policy leaves it alone; when it is released, the policy finds it idle, and
deduplicates it. The last one of a function is "one more sandbox": it starts alone, and is
released when all others are deduplicated.

Afterwards two sandboxes of each function are asked; of the two others, one is compared
page by page after it was restored in bulk, one as reading brings its pages back.
"""
import concurrent.futures
import itertools
import os
import subprocess
import time

import functions
import measure
import pages
from medes import CGROUP
from sandboxes import DemoError, PATIENCE, Sandbox, Slice, command, reference

SANDBOXES = 4
REQUESTS = 20
# seeds after those of the warm-up, one for each time a sandbox is asked again
WARM, AGAIN = REQUESTS, REQUESTS + 1
# sandboxes of each function that are asked out of deduplication
ASKED = 2
AT_ONCE = 2


class Demo:
	def __init__(self, names, mode, medes):
		self.names = names
		self.mode = mode
		self.medes = medes
		self.began = time.monotonic()
		self.totals = {}
		self.zram = {}
		self.free = {}
		self.answers = {}
		self.undo = []
		self.spare = 0

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
		self.slice = Slice(CGROUP)
		self.undo.append(self.slice.thaw)
		self.sandboxes = [Sandbox(name, index) for name in self.names
				  for index in range(1, SANDBOXES + 1)]
		for name in self.names:
			self.medes.add(name, command(name))
		self.say(f"module loaded, medesd answers, {len(self.names)} functions added")

	def seeds(self, sandbox):
		"""No two sandboxes ever see the same seed."""
		first = 1000 * functions.NAMES.index(sandbox.function) + 100 * sandbox.index
		spare = SANDBOXES if sandbox.index == SANDBOXES else 0
		return range(first, first + AGAIN + 1 + spare)

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

	def ask(self, sandbox, nth, start):
		"""Invoke the function; the only sandbox that is free must serve. Milliseconds."""
		begin = time.monotonic()
		name, kind, answer = self.medes.invoke(sandbox.function, {"seed": self.seeds(sandbox)[nth]})
		took = (time.monotonic() - begin) * 1000
		if kind != start or (sandbox.name and sandbox.name != name):
			raise DemoError(f"{sandbox.function}: {name} served after a {kind} start;"
					f" {sandbox.name or 'another one'} after a {start} start was expected")
		sandbox.name = name
		self.check(sandbox, nth, answer)
		return took

	def hold(self, sandbox):
		"""Out of the way of the next invocation, and of the policy."""
		name = self.medes.acquire(sandbox.function)
		if name != sandbox.name:
			raise DemoError(f"{name} was acquired, {sandbox.name} was expected")

	def start_sandboxes(self):
		def start(sandbox):
			sandbox.cold_ms = self.ask(sandbox, 0, "cold")
			sandbox.pid = self.medes.boxes(sandbox.function)[sandbox.name]["pid"]
			for nth in range(1, REQUESTS):
				self.ask(sandbox, nth, "warm")
			self.hold(sandbox)

		def start_all(name):
			for sandbox in self.of(name)[:-1]:
				start(sandbox)

		others = len(self.sandboxes) - len(self.names)
		self._parallel(start_all, self.names)
		self.say(f"{others} sandboxes started, each served {REQUESTS} requests")
		for name in self.names:
			start(self.of(name)[-1])
		self.say(f"{len(self.names)} more started, each alone, for the time of a cold start")
		for sandbox in self.sandboxes:
			self.medes.release(sandbox)
			sandbox.warm_ms = self.ask(sandbox, WARM, "warm")
			self.hold(sandbox)
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
		self.slice.freeze()
		for sandbox in self.sandboxes:
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
		"""Release them, and wait until the policy has them all deduplicated."""
		self._count("warm")
		for stage, group in (("others", [s for name in self.names for s in self.of(name)[:-1]]),
				     ("all", [self.of(name)[-1] for name in self.names])):
			for sandbox in group:
				self.medes.release(sandbox)
			self._await_dedup(group)
			self._count(stage)
			self.say(f"{len(group)} sandboxes left idle, deduplicated by the policy")
		jobs = self.medes.jobs()
		for sandbox in self.sandboxes:
			sandbox.usage = self.medes.usage(sandbox)
			sandbox.left = pages.resident(sandbox.pid)
			sandbox.away = pages.away(sandbox.pid)
			if sandbox.name not in jobs:
				raise DemoError(f"{sandbox.name}: no job deduplicated it")
			sandbox.dedup_ms = jobs[sandbox.name]["elapsed_ms"]
			sandbox.is_base = jobs[sandbox.name]["kind"] == "base"
		print(self.medes.explain(self.names[0]), flush=True)

	def _await_dedup(self, group):
		deadline = time.monotonic() + PATIENCE
		waiting = set(group)
		while waiting:
			lives = {}
			for name in {s.function for s in waiting}:
				lives.update(self.medes.boxes(name))
			waiting = {s for s in waiting if lives.get(s.name, {}).get("life") != "dedup"}
			if waiting and time.monotonic() > deadline:
				one = next(iter(waiting))
				raise DemoError(f"{one.name} is not deduplicated after {PATIENCE} s, but"
						f" {lives.get(one.name)}; the policy says:\n"
						f"{self.medes.explain(one.function)}\nmedesd's log: {self.medes.log_end()}")
			time.sleep(0.2)

	def _count(self, stage):
		self.free[stage] = measure.free_memory()
		self.totals[stage] = (self.medes.totals(), measure.anonymous(self.medes.pid))

	def ask_first(self):
		"""The sandboxes sleep by themselves now: two of each function are asked."""
		self.slice.thaw()
		for name in self.names:
			for _ in range(ASKED):
				self._ask_one(name)
		self.say(f"{ASKED * len(self.names)} sandboxes answered out of deduplication, all right")

	def _ask_one(self, function):
		# whichever the scheduler takes; the seed is the one after the last of the last sandbox
		spare = Sandbox(function, SANDBOXES)
		nth = AGAIN + 1 + sum(s.first_ms is not None for s in self.of(function))
		took = self.ask(spare, nth, "dedup")
		sandbox = next(s for s in self.of(function) if s.name == spare.name)
		sandbox.first_ms = took
		self.hold(sandbox)

	def compare(self):
		rest = {name: [s for s in self.of(name) if s.first_ms is None] for name in self.names}
		for bulk, *_ in rest.values():
			self.medes.restore(bulk)
			away = (bulk.anonymous - pages.resident(bulk.pid)) // pages.PAGE
			if self.medes.usage(bulk).stored or away > pages.zeros(bulk.pages):
				raise DemoError(f"{bulk.name}: {away} pages are not back"
						" after it was restored in bulk")
		compared = [s for boxes in rest.values() for s in boxes]
		for sandbox in compared:
			sandbox.wrong = len(pages.differing(sandbox.pages, self.reader.snapshot(sandbox.pid)))
		count = sum(len(s.pages) for s in compared)
		self.say(f"{count} pages compared, half restored in bulk, half by reading them")

	def restore(self):
		self.medes.restore_all()
		left = self.medes.totals().stored
		if left:
			raise DemoError(f"{left} pages are still deduplicated after `medesctl restore --all --wait`")
		for name in self.names:
			for sandbox in self.of(name):
				if sandbox.first_ms is not None:
					self.medes.release(sandbox)
					self.ask(sandbox, AGAIN, "warm")
					self.hold(sandbox)
			for sandbox in self.of(name):
				if sandbox.first_ms is None:
					self._ask_again(name)
		self.say(f"everything restored, {len(self.sandboxes)} sandboxes answered again, all right")

	def _ask_again(self, function):
		"""One that still sleeps, with all its pages."""
		spare = Sandbox(function, SANDBOXES)
		self.ask(spare, AGAIN + 1 + ASKED + self.spare, "dedup")
		self.spare = (self.spare + 1) % (SANDBOXES - ASKED)
		self.hold(spare)

	def clean_up(self):
		"""Undo in reverse; one that fails does not keep the others from their turn."""
		while self.undo:
			undo = self.undo.pop()
			try:
				undo()
			except (OSError, subprocess.SubprocessError, DemoError) as error:
				self.say(f"cleaning up: {error}")
