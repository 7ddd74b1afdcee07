# SPDX-License-Identifier: GPL-2.0-or-later
"""Every call of medesd and medesctl, and every key of their JSON, that the demo uses."""
import collections
import dataclasses
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time

from sandboxes import DemoError

DOMAIN = "demo"
SOCKET = "/run/medes/medesd.sock"
CGROUP = f"medes-demo-{os.getpid()}"
MODES = ("fast", "dense")
ENCODINGS = ("zero", "same", "words", "self", "dict")
# a whole sandbox in an emulated guest; nothing natural takes that long
PATIENCE = 600
START_PATIENCE = 60
LEASE_MS = 3600 * 1000

# What is idle goes to sleep soon, and for as long as the demo lasts; rates are
# forgotten within twenty seconds, so that nothing has to stay warm for them.
CONFIG = f"""
[Daemon]
State={{directory}}
[Functions]
Cgroup={CGROUP}
[Policy]
Policy=medes
Idle=2s
Window=2s
KeepAlive=2h
KeepDedup=2h
"""


def config(mode):
	"""The demo's, with pages encoded so."""
	return CONFIG + f"[Dedup]\nMode={mode}\n"


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


class _Connection(http.client.HTTPConnection):
	"""HTTP over medesd's socket."""

	def __init__(self):
		super().__init__("medesd", timeout=PATIENCE)

	def connect(self):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.settimeout(PATIENCE)
		self.sock.connect(SOCKET)


class Medes:
	"""The module, a medesd of our own, its client interface, and medesctl."""

	def __init__(self, config=CONFIG):
		self._config = config
		self._log = tempfile.NamedTemporaryFile(prefix="medesd-", suffix=".log")
		self._state = tempfile.TemporaryDirectory(prefix="medesd-")
		self._daemon = None

	def start(self):
		self._run("modprobe", "medes")
		config = os.path.join(self._state.name, "medesd.conf")
		with open(config, "w") as file:
			file.write(self._config.format(directory=self._state.name))
		try:
			self._daemon = subprocess.Popen(["medesd", "--config", config], stdout=self._log, stderr=self._log,
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

	def add(self, function, command):
		"""Add a function, as a user does."""
		self._ctl("function", "add", function, "--domain", DOMAIN, "--spec", self._spec(), "--", *command)

	def _spec(self):
		path = os.path.join(self._state.name, "spec.json")
		with open(path, "w") as file:
			json.dump({"max_sandboxes": 4, "start_timeout_ms": PATIENCE * 1000,
				   "queue_timeout_ms": PATIENCE * 1000,
				   "request_timeout_ms": PATIENCE * 1000,
				   "env": {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}}, file)
		return path

	def request(self, method, path, body=None):
		"""(status, headers, answer)"""
		connection = _Connection()
		try:
			connection.request(method, path, body)
			reply = connection.getresponse()
			return reply.status, reply.headers, json.loads(reply.read())
		except (OSError, http.client.HTTPException, ValueError) as error:
			raise DemoError(f"{method} {path}: {error!r}; medesd's log: {self.log_end()}") from error
		finally:
			connection.close()

	def call(self, method, path, body=None):
		status, _, answer = self.request(method, path, None if body is None else json.dumps(body))
		if status // 100 != 2:
			raise DemoError(f"{method} {path}: status {status}: {answer}")
		return answer

	def invoke(self, function, body):
		"""(name of the sandbox, how it was started, answer)"""
		status, headers, answer = self.request(
			"POST", f"/v1/functions/{function}/invoke?domain={DOMAIN}", json.dumps(body))
		if status != 200:
			raise DemoError(f"{function}: status {status}: {answer}")
		return headers["Medes-Sandbox"], headers["Medes-Start"], answer

	def acquire(self, function):
		"""Hold the sandbox that an invocation would get."""
		return self.call("POST", f"/v1/functions/{function}/acquire?domain={DOMAIN}",
				 {"lease_ms": LEASE_MS})["sandbox"]

	def release(self, sandbox):
		self.call("POST", f"/v1/sandboxes/{sandbox.name}/release", {})

	def boxes(self, function):
		"""{name: sandbox} as the controller has them"""
		found = self.call("GET", f"/v1/functions/{function}?domain={DOMAIN}")["sandboxes"]
		return {box["name"]: box for box in found}

	def jobs(self):
		"""{name: job that deduplicated it}"""
		return {job["sandbox"]: job for job in self.call("GET", "/v1/jobs")["jobs"]
			if job["state"] == "done"}

	def explain(self, function):
		return self._ctl("policy", "explain", function, "--domain", DOMAIN)

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
		self._state.cleanup()

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
