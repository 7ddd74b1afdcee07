# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes: one process of one function each, in a cgroup of its own.

A sandbox has two cgroups, one in the other. The inner one holds the process
and is what Medes is told of; the demo freezes the outer one, so the process
stays still whatever anybody does to the inner one meanwhile.
"""
import dataclasses
import http.client
import json
import os
import socket
import subprocess
import sys
import time

from measure import read, write

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 300


class DemoError(Exception):
	"""The demo can't go on; the text says why and what to do."""


def _cgroup_mount():
	with open("/proc/mounts") as mounts:
		for line in mounts:
			if line.split()[2] == "cgroup2":
				return line.split()[1]
	raise DemoError("no cgroup v2 file system is mounted; mount -t cgroup2 none /sys/fs/cgroup")


def _free_port():
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


class Slice:
	"""The cgroup that all sandboxes of this run are in."""

	def __init__(self):
		self.path = os.path.join(_cgroup_mount(), f"medes-demo-{os.getpid()}")
		os.mkdir(self.path)

	def close(self):
		"""Kill what is left and go away."""
		write(f"{self.path}/cgroup.kill", 1)
		deadline = time.monotonic() + PATIENCE
		while "populated 1" in read(f"{self.path}/cgroup.events") and time.monotonic() < deadline:
			time.sleep(0.05)
		for directory, _, _ in os.walk(self.path, topdown=False):
			os.rmdir(directory)


@dataclasses.dataclass(eq=False)
class Sandbox:
	function: str
	index: int
	parent: Slice
	process: subprocess.Popen = None
	port: int = 0
	# what the phases find out, bytes and milliseconds
	anonymous: int = 0
	huge: int = 0
	pages: dict = None
	cold_ms: float = None
	warm_ms: float = None
	dedup_ms: float = None
	first_ms: float = None
	left: int = None
	away: int = None
	usage: object = None
	wrong: int = None

	@property
	def name(self):
		return f"{self.function}-{self.index}"

	@property
	def pid(self):
		return self.process.pid

	@property
	def outer(self):
		return os.path.join(self.parent.path, self.name)

	@property
	def cgroup(self):
		return os.path.join(self.outer, "box")

	def start(self, seed):
		"""Exec a server and put its first question; returns its answer."""
		os.makedirs(self.cgroup)
		self.port = _free_port()
		begin = time.monotonic()
		self.process = subprocess.Popen(
			["sh", "-c", 'echo 0 >"$1" && shift && exec "$@"', "sh",
			 f"{self.cgroup}/cgroup.procs",
			 sys.executable, os.path.join(HERE, "server.py"), "--function", self.function],
			env={"PORT": str(self.port), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
			stdin=subprocess.DEVNULL)
		while not self._is_healthy():
			if self.process.poll() is not None:
				raise DemoError(f"{self.name}: the server exited with status"
						f" {self.process.returncode} before it was ready")
			if time.monotonic() - begin > PATIENCE:
				raise DemoError(f"{self.name}: the server is not ready after {PATIENCE} s")
			time.sleep(0.01)
		answer = self.ask(seed)
		self.cold_ms = (time.monotonic() - begin) * 1000
		return answer

	def _is_healthy(self):
		try:
			return self._http("GET", "/healthz")[0] == 200
		except ConnectionRefusedError:
			return False

	def _http(self, method, path, body=None):
		connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
		try:
			connection.request(method, path, body)
			reply = connection.getresponse()
			return reply.status, json.loads(reply.read())
		finally:
			connection.close()

	def ask(self, seed):
		try:
			status, answer = self._http("POST", "/", json.dumps({"seed": seed}))
		except (OSError, http.client.HTTPException) as error:
			raise DemoError(f"{self.name}: no answer for seed {seed}: {error!r}") from error
		if status != 200:
			raise DemoError(f"{self.name}: status {status} for seed {seed}: {answer}")
		return answer

	def freeze(self):
		write(f"{self.outer}/cgroup.freeze", 1)
		deadline = time.monotonic() + PATIENCE
		while "frozen 1" not in read(f"{self.outer}/cgroup.events"):
			if time.monotonic() > deadline:
				raise DemoError(f"{self.name}: not frozen after {PATIENCE} s")
			time.sleep(0.005)

	def thaw(self):
		write(f"{self.outer}/cgroup.freeze", 0)

	def stop(self):
		if self.process and self.process.poll() is None:
			self.process.kill()
			self.process.wait()


def reference(function, seeds):
	"""{seed: answer} from a process that is no sandbox."""
	done = subprocess.run([sys.executable, os.path.join(HERE, "reference.py"), "--function", function],
			      input="".join(f"{seed}\n" for seed in seeds),
			      stdout=subprocess.PIPE, text=True)
	if done.returncode:
		raise DemoError(f"{function}: the reference process exited with status {done.returncode}")
	return dict(zip(seeds, map(json.loads, done.stdout.splitlines()), strict=True))
