# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes, as medesd runs them: what the demo knows of each, and the cgroup that
all of them are in.

The demo freezes that one, so all processes stay still whatever anybody does to the
cgroups below it meanwhile.
"""
import dataclasses
import json
import os
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


class Slice:
	"""The cgroup that all sandboxes of this run are in."""

	def __init__(self, name):
		self.path = os.path.join(_cgroup_mount(), name)

	def freeze(self):
		write(f"{self.path}/cgroup.freeze", 1)
		deadline = time.monotonic() + PATIENCE
		while "frozen 1" not in read(f"{self.path}/cgroup.events"):
			if time.monotonic() > deadline:
				raise DemoError(f"{self.path}: not frozen after {PATIENCE} s")
			time.sleep(0.005)

	def thaw(self):
		if os.path.exists(self.path):
			write(f"{self.path}/cgroup.freeze", 0)


@dataclasses.dataclass(eq=False)
class Sandbox:
	function: str
	index: int
	name: str = ""       # medesd's, once it has started
	pid: int = 0
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
	is_base: bool = False


def command(function):
	"""What a sandbox of a function executes."""
	return [sys.executable, os.path.join(HERE, "server.py"), "--function", function]


def reference(function, seeds):
	"""{seed: answer} from a process that is no sandbox."""
	done = subprocess.run([sys.executable, os.path.join(HERE, "reference.py"), "--function", function],
			      input="".join(f"{seed}\n" for seed in seeds),
			      stdout=subprocess.PIPE, text=True)
	if done.returncode:
		raise DemoError(f"{function}: the reference process exited with status {done.returncode}")
	return dict(zip(seeds, map(json.loads, done.stdout.splitlines()), strict=True))
