# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's phases, in the order in which run() goes through them."""
import concurrent.futures
import json
import os
import platform
import subprocess
import tempfile
import time

import images
import measure
from first import Requests
from processes import Process, remove_cgroup
from sandboxes import DemoError

HERE = os.path.dirname(os.path.abspath(__file__))
REQUESTS = 10
# of one part; none takes half as long where nothing else runs
PATIENCE = 400
THROUGHPUT = 2	# functions whose throughput is measured


class Bench:
	def __init__(self, chosen, medes):
		self.functions = chosen.functions
		self.rounds = chosen.rounds
		self.dir = chosen.keep
		self.json = chosen.json
		self.only = set(filter(None, chosen.only.split(",")))
		self.medes = medes
		self.samples = []
		self.undo = []
		self.seed = 0
		self.began = time.monotonic()

	def say(self, text):
		print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

	def wanted(self, part):
		return not self.only or part in self.only

	def run(self):
		try:
			self.prepare()
			self.start()
			self.take_images()
			if self.wanted("requests"):
				self.measure_requests()
			if self.wanted("throughput"):
				self.measure_throughput()
			self.end_sandboxes()
			for part in ("pages", "memory", "scaling", "registry"):
				if self.wanted(part):
					self.native(part, self.dir, str(self.rounds), *self.functions)
					self.keep()
		finally:
			self.clean_up()
		return self.found()

	def found(self):
		return {"samples": self.samples, "kernel": platform.release(),
			"functions": self.functions, "rounds": self.rounds,
			"seconds": round(time.monotonic() - self.began)}

	def keep(self):
		"""After each part, so that what goes wrong later takes nothing with it."""
		if self.json:
			with open(self.json, "w") as file:
				json.dump(self.found(), file)

	def prepare(self):
		if os.geteuid():
			raise DemoError("only root can load a module and freeze cgroups")
		if len(measure.read("/proc/swaps").splitlines()) > 1:
			raise DemoError("there is swap, which would mix with what is measured: swapoff -a")
		if not self.dir:
			directory = tempfile.TemporaryDirectory(prefix="medes-bench-")
			self.undo.append(directory.cleanup)
			self.dir = directory.name
		os.makedirs(self.dir, exist_ok=True)
		self.undo.append(self.medes.stop)
		self.medes.start()
		self.undo.append(remove_cgroup)
		self.sandboxes = [Process(name, index) for name in self.functions for index in (1, 2)]
		# never deduplicated
		self.others = [Process(name, 3) for name in self.functions[:THROUGHPUT]]

	def ask(self, sandbox):
		"""A request with a seed of its own; returns milliseconds."""
		self.seed += 1
		begin = time.monotonic()
		sandbox.ask(self.seed)
		return (time.monotonic() - begin) * 1000

	def start(self):
		def start(sandbox):
			self.undo.append(sandbox.stop)
			sandbox.start()
			for _ in range(REQUESTS):
				self.ask(sandbox)

		everything = self.sandboxes + self.others
		with concurrent.futures.ThreadPoolExecutor(2) as pool:
			list(pool.map(start, everything))
		self.say(f"{len(everything)} sandboxes started")

	def take_images(self):
		for sandbox in self.sandboxes:
			sandbox.freeze()
			pages = images.dump(sandbox.pid, os.path.join(self.dir, sandbox.name))
			self.medes.know(sandbox)
			self.say(f"{sandbox.name}: {pages} pages")
		with images.Touches() as touches:
			for base, target in zip(self.sandboxes[::2], self.sandboxes[1::2], strict=True):
				self.medes.base(base)
				self.medes.dedup(target)
				touches.clear()
				target.thaw()
				self.ask(target)
				target.freeze()
				count = touches.write(os.path.join(self.dir, target.name))
				self.say(f"{target.name}: a request touches {count} pages")

	def measure_requests(self):
		measured = Requests(self)
		for target in self.sandboxes[1::2]:
			# the goals are those of the first function; the others need fewer rounds to be seen
			rounds = self.rounds if target is self.sandboxes[1] else max(self.rounds // 4, 1)
			self.samples += measured.first_requests(target, rounds)
		self.say("requests: measured")
		self.keep()

	def measure_throughput(self):
		measured = Requests(self)
		for target, other in zip(self.sandboxes[1::2], self.others):
			target.thaw()
			self.samples += measured.throughput(target, other, self.rounds)
		self.say("throughput: measured")
		self.keep()

	def end_sandboxes(self):
		for sandbox in self.sandboxes + self.others:
			sandbox.stop()
		self.medes.stop()

	def native(self, *words):
		"""Run medes-bench, take its samples."""
		try:
			done = subprocess.run([os.path.join(HERE, "medes-bench"), *words],
					      stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
		except subprocess.TimeoutExpired:
			self.say(f"{words[0]}: not done after {PATIENCE} s, left out")
			return
		if done.returncode:
			raise DemoError(f"medes-bench {words[0]} exited with status {done.returncode}")
		self.samples += json.loads(done.stdout)
		self.say(f"{words[0]}: measured")

	def clean_up(self):
		while self.undo:
			undo = self.undo.pop()
			try:
				undo()
			except (OSError, subprocess.SubprocessError, DemoError) as error:
				self.say(f"cleaning up: {error}")
