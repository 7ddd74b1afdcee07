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

from sandboxes import DemoError

SOCKET = "/run/medes/medesd.sock"
# requests of a round of throughput: long enough to stand out of a request's own noise
BURST = 8


class Waker:
	"""A connection to medesd, over which a working set is asked for."""

	def __init__(self, name):
		self._socket = socket.socket(socket.AF_UNIX)
		self._socket.settimeout(60)
		self._socket.connect(SOCKET)
		body = json.dumps({"working_set": True})
		self._request = (f"POST /v1/sandboxes/{name}/restore HTTP/1.1\r\nHost: medesd\r\n"
				 f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()

	def ask(self):
		"""Returns as soon as it is asked: who wakes a sandbox does not wait for its pages."""
		self._socket.sendall(self._request)

	def close(self):
		"""Raises DemoError if medesd refused."""
		reply = http.client.HTTPResponse(self._socket)
		reply.begin()
		text = reply.read()
		self._socket.close()
		if reply.status // 100 != 2:
			raise DemoError(f"the working set is refused: status {reply.status}: {text[:200]}")


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
		waker = Waker(sandbox.name) if way == "working-set" else None
		cpu, begin = cpu_ns(), time.monotonic()
		if waker:
			waker.ask()
		sandbox.thaw()
		self.ask(sandbox)
		sample = _sample("first", way, sandbox, rnd, begin, cpu)
		if waker:
			waker.close()
		return sample

	def first_requests(self, sandbox, rounds):
		"""Warm, out of dedup with and without the working set: in turns."""
		samples = []
		ways = ["warm", "dedup", "working-set"]
		# the working set is of the rounds before
		for _ in range(3):
			self._first(sandbox, "dedup", 0)
		for rnd in range(rounds):
			for way in ways[rnd % 3:] + ways[:rnd % 3]:
				samples.append(self._first(sandbox, way, rnd))
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
