# SPDX-License-Identifier: GPL-2.0-or-later
"""Every call of medesctl, and every key of its JSON, that the demo uses."""
import collections
import dataclasses
import json
import subprocess
import tempfile
import time

from sandboxes import DemoError

DOMAIN = "demo"
ENCODINGS = ("zero", "same", "words", "self")
# a whole sandbox in an emulated guest; nothing natural takes that long
PATIENCE = 600
START_PATIENCE = 60


@dataclasses.dataclass
class Usage:
	"""What deduplicated pages take now: of one sandbox, or of everything."""
	pages: dict          # encoding -> pages kept so
	record_bytes: int    # records in zsmalloc, its overhead included
	device_bytes: int    # struct pages that stand for the pages that left
	base_bytes: int      # copies of base pages (of one sandbox: taken from it)

	@property
	def stored(self):
		return sum(self.pages.values())

	@property
	def overhead(self):
		return self.record_bytes + self.device_bytes + self.base_bytes


def _usage(reply, command):
	try:
		stats = reply["stats"]
		return Usage({name: stats[f"pages_{name}"] for name in ENCODINGS},
			     stats["record_bytes"], stats["device_page_bytes"], stats["base_bytes"])
	except (KeyError, TypeError) as error:
		raise DemoError(f"`{command}` has no counter {error}; it says {json.dumps(reply)[:300]}") from error


class Medes:
	"""The module, a medesd of our own, and medesctl to talk to it."""

	def __init__(self):
		self._log = tempfile.NamedTemporaryFile(prefix="medesd-", suffix=".log")
		self._daemon = None

	def start(self):
		self._run("modprobe", "medes")
		try:
			self._daemon = subprocess.Popen(["medesd"], stdout=self._log, stderr=self._log,
							stdin=subprocess.DEVNULL)
		except FileNotFoundError:
			raise DemoError("medesd is not installed: make install") from None
		self._await_daemon()

	def _await_daemon(self):
		"""The module alone answers some commands; listing sandboxes needs medesd."""
		deadline = time.monotonic() + START_PATIENCE
		while True:
			time.sleep(0.2)
			if self._daemon.poll() is not None:
				raise DemoError(f"medesd exited with status {self._daemon.returncode};"
						f" its log: {self.log_end()}")
			try:
				self._json("sandbox", "list", "-j")
				return
			except DemoError as error:
				if time.monotonic() > deadline:
					raise DemoError(f"medesd does not answer: {error}; its log:"
							f" {self.log_end()}") from error

	@property
	def pid(self):
		return self._daemon.pid

	def log_end(self, lines=20):
		with open(self._log.name, errors="replace") as log:
			return "".join(collections.deque(log, lines)).strip() or "(empty)"

	def add(self, sandbox):
		self._ctl("sandbox", "add", sandbox.name, "--cgroup", sandbox.cgroup,
			  "--domain", DOMAIN, "--function", sandbox.function)

	def base(self, sandbox):
		return self._timed("base", "add", sandbox.name, "-j")

	def dedup(self, sandbox):
		return self._timed("dedup", sandbox.name, "--wait", "-j")

	def restore(self, sandbox):
		return self._timed("restore", sandbox.name, "--wait", "-j")

	def restore_all(self):
		return self._timed("restore", "--all", "--wait", "-j")

	def usage(self, sandbox):
		command = ("sandbox", "show", sandbox.name, "-j")
		return _usage(self._json(*command), "medesctl " + " ".join(command))

	def totals(self):
		return _usage(self._json("stat", "-j"), "medesctl stat -j")

	def stop(self):
		if self._daemon and self._daemon.poll() is None:
			self._daemon.terminate()
			try:
				self._daemon.wait(START_PATIENCE)
			except subprocess.TimeoutExpired:
				self._daemon.kill()
				self._daemon.wait()
		self._log.close()

	def _timed(self, *words):
		"""Milliseconds that the command took, itself included."""
		begin = time.monotonic()
		self._ctl(*words)
		return (time.monotonic() - begin) * 1000

	def _json(self, *words):
		text = self._ctl(*words)
		try:
			return json.loads(text)
		except ValueError as error:
			raise DemoError(f"medesctl {' '.join(words)}: no JSON: {text[:200]!r}") from error

	def _ctl(self, *words):
		return self._run("medesctl", *words)

	@staticmethod
	def _run(*words):
		command = " ".join(words)
		try:
			done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE,
					      stdin=subprocess.DEVNULL)
		except FileNotFoundError:
			raise DemoError(f"{words[0]} is not installed: make install") from None
		except subprocess.TimeoutExpired:
			raise DemoError(f"`{command}` is not done after {PATIENCE} s") from None
		if done.returncode:
			raise DemoError(f"`{command}` exited with status {done.returncode}:"
					f" {(done.stderr or done.stdout).strip()}")
		return done.stdout
