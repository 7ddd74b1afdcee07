# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests to real sandboxes: the first after a dedup, and the throughput afterwards.

Sandbox 1 of a function is its base, 2 is deduplicated again and again, 3 (only for
throughput) never is.
"""
import http.client
import json
import socket
import statistics
import time

SOCKET = "/run/medes/medesd.sock"
# requests of a round of throughput: long enough to stand out of a request's own noise
BURST = 8


class _Local(http.client.HTTPConnection):
	"""HTTP to medesd's socket."""

	def connect(self):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.settimeout(self.timeout)
		self.sock.connect(SOCKET)


def wake(name):
	"""Ask medesd to bring the working set back; returns at once, False: it can't."""
	connection = _Local("medesd", timeout=60)
	try:
		connection.request("POST", f"/v1/sandboxes/{name}/restore", json.dumps({"working_set": True}),
				   {"Content-Type": "application/json"})
		reply = connection.getresponse()
		reply.read()
		return reply.status < 300
	finally:
		connection.close()


def cpu_ns():
	"""Time that all processors spent in tasks (util.c has the same)."""
	with open("/proc/schedstat") as lines:
		return sum(int(line.split()[7]) for line in lines if line.startswith("cpu"))


def _sample(what, way, sandbox, rnd, begin, cpu):
	return {"what": what, "way": way, "image": sandbox.function, "round": rnd, "pages": 1,
		"ns": round((time.monotonic() - begin) * 1e9), "cpu": cpu_ns() - cpu}


class Requests:
	def __init__(self, bench):
		self.bench = bench
		self.medes = bench.medes
		self.ask = bench.ask

	def _first(self, sandbox, way, rnd):
		"""Freeze, put it in the state, then time from the wish to the answer."""
		sandbox.freeze()
		if way != "warm":
			self.medes.dedup(sandbox)
		cpu, begin = cpu_ns(), time.monotonic()
		if way == "working-set" and not wake(sandbox.name):
			sandbox.thaw()
			return None
		sandbox.thaw()
		self.ask(sandbox)
		return _sample("first", way, sandbox, rnd, begin, cpu)

	def first_requests(self, sandbox, rounds):
		"""Warm, out of dedup with and without the working set: in turns."""
		samples = []
		ways = ["warm", "dedup", "working-set"]
		# the working set is of the rounds before
		for _ in range(3):
			self._first(sandbox, "dedup", 0)
		for rnd in range(rounds):
			for way in ways[rnd % 3:] + ways[:rnd % 3]:
				found = self._first(sandbox, way, rnd)
				if found:
					samples.append(found)
		return samples

	def throughput(self, restored, never, rounds):
		"""CPU time of requests: a sandbox that was deduplicated and restored, one that never was."""
		samples = []
		for rnd in range(rounds):
			if rnd % 5 == 0:
				restored.freeze()
				self.medes.dedup(restored)
				self.medes.restore(restored)
				restored.thaw()
				self.ask(restored)
			pair = [("restored", restored), ("never", never)]
			for way, sandbox in pair[::1 - 2 * (rnd % 2)]:
				begin, cpu = time.monotonic(), cpu_ns()
				times = [self.ask(sandbox) for _ in range(BURST)]
				sample = _sample("burst", way, sandbox, rnd, begin, cpu)
				# of equal requests the median: one that the host held up says nothing
				sample["ns"] = round(statistics.median(times) * 1e6)
				sample["cpu"] //= BURST
				samples.append(sample)
		return samples
