# SPDX-License-Identifier: GPL-2.0-or-later
"""Real functions as processes of the benchmark's own, which medesd is told of and
otherwise lets alone: no policy may deduplicate or end what is being measured.

A sandbox has two cgroups, one in the other. The inner one holds the process and is
what Medes is told of; the benchmark freezes the outer one, so the process stays still
whatever anybody does to the inner one meanwhile.
"""
import http.client
import json
import os
import socket
import subprocess
import time

from measure import write
from medes import DOMAIN, Medes
from sandboxes import DemoError, PATIENCE, Slice, command

CGROUP = f"medes-bench-{os.getpid()}"
CONFIG = """
[Daemon]
State={directory}
"""


def _free_port():
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


class Node(Medes):
	"""A medesd that only does what it is told."""

	def __init__(self):
		super().__init__(CONFIG)

	def know(self, process):
		self._ctl("sandbox", "add", process.name, "--cgroup", process.cgroup,
			  "--domain", DOMAIN, "--function", process.function)

	def base(self, process):
		self._ctl("base", "add", process.name, "-j")

	def dedup(self, process):
		self._ctl("dedup", process.name, "--wait", "-j")


class Process:
	"""One sandbox: the demo's server around a function."""

	def __init__(self, function, index):
		self.function = function
		self.name = f"{function}-{index}"
		self.slice = Slice(os.path.join(CGROUP, self.name))
		self.cgroup = os.path.join(self.slice.path, "box")
		self.process = None
		self.port = 0

	@property
	def pid(self):
		return self.process.pid

	def start(self):
		"""Returns once it can serve."""
		os.makedirs(self.cgroup)
		self.port = _free_port()
		begin = time.monotonic()
		self.process = subprocess.Popen(
			["sh", "-c", 'echo 0 >"$1" && shift && exec "$@"', "sh", f"{self.cgroup}/cgroup.procs",
			 *command(self.function)],
			env={"PORT": str(self.port), "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
			     "PYTHONDONTWRITEBYTECODE": "1"},
			stdin=subprocess.DEVNULL)
		while not self._is_healthy():
			if self.process.poll() is not None:
				raise DemoError(f"{self.name}: the server exited with status"
						f" {self.process.returncode} before it was ready")
			if time.monotonic() - begin > PATIENCE:
				raise DemoError(f"{self.name}: the server is not ready after {PATIENCE} s")
			time.sleep(0.01)

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
		self.slice.freeze()

	def thaw(self):
		self.slice.thaw()

	def stop(self):
		"""Kill what is left, and take the cgroups away."""
		if not self.process:
			return
		write(f"{self.slice.path}/cgroup.kill", 1)
		self.process.wait()
		self.process = None
		for path in (self.cgroup, self.slice.path):
			os.rmdir(path)


def remove_cgroup():
	"""That of all processes, which have been stopped."""
	path = Slice(CGROUP).path
	if os.path.exists(path):
		os.rmdir(path)
