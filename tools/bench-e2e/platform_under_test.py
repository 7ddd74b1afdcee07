# SPDX-License-Identifier: GPL-2.0-or-later
"""A fresh medesd under one policy, with all functions added, and what it is told."""
import concurrent.futures
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from workload import POLICIES, parameters

HERE = os.path.dirname(os.path.abspath(__file__))
DEMO = os.path.join(os.path.dirname(HERE), "demo")
PATIENCE = 300
# what a sandbox may take at all; none comes near it
MEMORY_MAX = 512 << 20


class BenchError(Exception):
	"""The benchmark can't go on; the text says why."""


def _used_bytes():
	"""What is neither free nor cached files, as medes-replay counts it."""
	with open("/proc/meminfo") as file:
		kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
	return 1024 * (kib["MemTotal"] - kib["MemFree"] - kib["Buffers"] - kib["Cached"] + kib["Shmem"])


class _Connection(http.client.HTTPConnection):
	def __init__(self, path):
		super().__init__("medesd", timeout=PATIENCE)
		self._path = path

	def connect(self):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.settimeout(self.timeout)
		self.sock.connect(self._path)


class Platform:
	def __init__(self, chosen, policy):
		self._chosen = chosen
		self._policy = policy
		# the others run as on a host that has no module
		self._dedups = POLICIES[policy][0] == "medes"
		self._prefix = os.path.join(chosen.out, policy)
		self._directory = tempfile.mkdtemp(prefix="medes-bench-")
		self._socket = os.path.join(self._directory, "medesd.sock")
		self._daemon = self._events = self._log = None

	def _say(self, text):
		print(f"bench-e2e: {self._policy}: {text}", flush=True)

	def _config(self):
		name, params = parameters(self._policy, self._chosen.factor)
		return "\n".join([
			"[Daemon]", f"Socket={self._socket}", f"State={self._directory}/state",
			"[Functions]", "MaxCalls=10000",
			"[Memory]", f"Capacity={self._chosen.capacity}M", "Assumed=16M", "MaxDedupStarts=2",
			"[Policy]", f"Policy={name}"] +
			[f"{key}={value}" for key, value in params.items()]) + "\n"

	def __enter__(self):
		config = os.path.join(self._directory, "medesd.conf")
		with open(config, "w") as file:
			file.write(self._config())
		if self._dedups:
			subprocess.run(["modprobe", "medes"], check=True)
		self._log = open(f"{self._prefix}-medesd.log", "w")
		self._daemon = subprocess.Popen(["medesd", "--config", config], stdin=subprocess.DEVNULL,
						stdout=self._log, stderr=self._log)
		try:
			self._await()
			with open(f"{self._prefix}-baseline.json", "w") as file:
				json.dump({"used_bytes": _used_bytes()}, file)
		except BaseException:
			self.__exit__(*sys.exc_info())
			raise
		return self

	def _await(self):
		deadline = time.monotonic() + PATIENCE
		while True:
			if self._daemon.poll() is not None:
				raise BenchError(f"medesd ended with status {self._daemon.returncode}:"
						 f" see {self._prefix}-medesd.log")
			try:
				status, answer = self._call("GET", "/healthz")
				if status == 200 and answer["module"] >= self._dedups:
					return
			except OSError:
				pass
			if time.monotonic() > deadline:
				raise BenchError("medesd does not answer, or has no module")
			time.sleep(0.1)

	def __exit__(self, *_):
		"""No policy sees anything of the one before it."""
		for process in (self._events, self._daemon):
			if process and process.poll() is None:
				process.terminate()
		for process in (self._events, self._daemon):
			if process:
				process.wait(PATIENCE)
		if self._dedups:
			subprocess.run(["modprobe", "-r", "medes"], check=False)
		self._log.close()
		shutil.rmtree(self._directory, ignore_errors=True)

	def _call(self, method, path, body=None):
		connection = _Connection(self._socket)
		try:
			connection.request(method, path, None if body is None else json.dumps(body),
					   {"Content-Type": "application/json"})
			reply = connection.getresponse()
			return reply.status, json.loads(reply.read())
		finally:
			connection.close()

	def _must(self, method, path, body=None):
		status, answer = self._call(method, path, body)
		if status // 100 != 2:
			raise BenchError(f"{method} {path}: status {status}: {answer}")
		return answer

	def add(self, functions):
		"""Add them, and call each once, so that the trace meets functions that are known."""
		for name in functions:
			application = name.split("-")[0]
			self._must("POST", "/v1/functions", {
				"name": name, "memory_bytes": MEMORY_MAX, "queue_length": 10000,
				"queue_timeout_ms": 120000, "start_timeout_ms": 120000,
				"request_timeout_ms": 120000, "directory": DEMO,
				"command": [sys.executable, os.path.join(DEMO, "server.py"),
					    "--function", application]})
		begin = time.monotonic()
		with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
			list(pool.map(self._call_once, functions))
		self._say(f"{len(functions)} functions called once, in {time.monotonic() - begin:.0f} s")

	def _call_once(self, name):
		return self._must("POST", f"/v1/functions/{name}/invoke", {"seed": 1})

	def replay(self, trace):
		self._events = subprocess.Popen(
			["curl", "-sN", "--unix-socket", self._socket, "http://medesd/v1/events"],
			stdin=subprocess.DEVNULL, stdout=open(f"{self._prefix}-events.txt", "w"))
		replayed = subprocess.run([os.path.join(HERE, "medes-replay"), self._socket, trace,
					   self._prefix])
		if replayed.returncode:
			raise BenchError(f"medes-replay ended with status {replayed.returncode}")
		self._explain()
		connection = _Connection(self._socket)
		connection.request("GET", "/metrics")
		with open(f"{self._prefix}-metrics.txt", "wb") as file:
			file.write(connection.getresponse().read())
		connection.close()
		self._say("done")

	def _explain(self):
		"""Why everything is as it is at the end."""
		with open(f"{self._prefix}-explain.txt", "w") as file:
			for function in self._must("GET", "/v1/functions")["functions"]:
				answer = self._must("GET", f"/v1/functions/{function['name']}/explain")
				file.write(answer["text"] + "\n")
