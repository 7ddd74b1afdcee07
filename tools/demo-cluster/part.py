# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demo does on one node; run.py has each step executed there. Says what it found as
one line of JSON.

Sandboxes are real functions, run by medesd; everything goes through its client interface.
"""
import json
import os
import pickle
import subprocess
import sys
import time

DEMO = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "demo")
sys.path.insert(0, DEMO)
sys.dont_write_bytecode = True

import functions  # noqa: E402
import medes  # noqa: E402
import pages  # noqa: E402
from sandboxes import DemoError, Sandbox, Slice, command, reference  # noqa: E402

CGROUP = "medes-demo"
CONFIG = "/etc/medes/medesd.conf"
LOG = "/run/medesd.log"
MEMORY = "/run/demo.pickle"
SYSFS = "/sys/kernel/medes/"
PATIENCE = 300
SERVED = 5              # requests, before a sandbox goes to sleep

client = medes.Medes()


def until(condition, what):
	deadline = time.monotonic() + PATIENCE
	while not (found := condition()):
		if time.monotonic() > deadline:
			with open(LOG, errors="replace") as log:
				raise DemoError(f"{what} did not happen within {PATIENCE} s; medesd's log:\n{log.read()[-2000:]}")
		time.sleep(0.2)
	return found


def counter(name):
	with open(SYSFS + name) as file:
		return int(file.read())


def write(name, value):
	with open(SYSFS + name, "w") as file:
		file.write(str(value))


def empty_cache():
	"""Base pages that were read before are read again."""
	most = counter("max_fetched_bytes")
	write("max_fetched_bytes", 0)
	write("max_fetched_bytes", most)


def domain(function):
	"""Each function is a domain: else one's pages may need the other one's base."""
	medes.DOMAIN = f"demo-{function}"


def remember(value):
	with open(MEMORY, "wb") as file:
		pickle.dump(value, file)


def remembered():
	with open(MEMORY, "rb") as file:
		return pickle.load(file)


# ---- steps --------------------------------------------------------------------------

def start():
	"""Module and daemon, until they have found the others."""
	subprocess.run(["modprobe", "medes"], check=True)
	with open(LOG, "wb") as log:
		subprocess.Popen(["medesd", "--config", CONFIG], stdout=log, stderr=log,
				 stdin=subprocess.DEVNULL, start_new_session=True)

	def answers():
		try:
			return client.call("GET", "/v1/status")["module"]
		except DemoError:
			return False
	until(answers, "an answer of medesd")

	def up():
		nodes = client.call("GET", "/v1/nodes")["nodes"]
		# kernels connect when they need to, and again whenever they lose each other
		return all(n["state"] == "up" and n["rdma"] not in (None, "refused") for n in nodes)
	until(up, "every node seeing every other one")
	return {}


def seeds(function, first, n):
	return [10000 * functions.NAMES.index(function) + 1000 * int(os.environ["NODE_NUMBER"]) + first + i
		for i in range(n)]


def ask(function, seed, right):
	"""(sandbox, how it was started, milliseconds), or why there is no answer"""
	began = time.monotonic()
	domain(function)
	try:
		name, kind, answer = client.invoke(function, {"seed": seed})
	except DemoError as error:
		return None, str(error), (time.monotonic() - began) * 1000
	if answer != right:
		raise DemoError(f"{name}: wrong answer for seed {seed}: {answer}, should be {right}")
	return name, kind, (time.monotonic() - began) * 1000


def begin(count, *names):
	"""Have that many sandboxes of each function, which have served."""
	boxes = []
	for function in names:
		domain(function)
		client.add(function, command(function))
		numbers = seeds(function, 0, SERVED * int(count))
		right = reference(function, numbers)
		for index in range(int(count)):
			for seed in numbers[SERVED * index:SERVED * index + SERVED]:
				name, kind, _ = ask(function, seed, right[seed])
				if not name:
					raise DemoError(f"{function}: {kind}")
			box = Sandbox(function, index, name, client.boxes(function)[name]["pid"])
			client.acquire(function)
			boxes.append(box)
	remember(boxes)
	return {"sandboxes": [box.name for box in boxes]}


def bases():
	return client.call("GET", "/v1/bases")["bases"]


def shared(*names):
	"""A function that is known is reason enough to import its bases: until they are ready."""
	for function in names:
		domain(function)
		client.add(function, command(function))

	def ready():
		found = [b for b in bases() if b.get("function") in names and
			 any(r["state"] == "ready" for r in b.get("replicas", []))]
		return found if {b["function"] for b in found} == set(names) else None
	return {"bases": [{"name": b["name"], "pages": b["pages"]} for b in until(ready, "an import")]}


def made(*names):
	"""The sandboxes are left idle, and the policy makes bases of them, which the daemon exports."""
	for box in remembered():
		client.release(box)

	def ready():
		found = [b for b in bases() if b.get("function") in names and b.get("generation")]
		return found if {b["function"] for b in found} == set(names) else None
	return {"bases": [{"name": b["name"], "function": b["function"], "pages": b["pages"]}
			  for b in until(ready, "an export")]}


def replicas(function, count):
	"""The imported base can be read from so many nodes."""
	def ready():
		return [b for b in bases() if b.get("function") == function and
			sum(r["state"] == "ready" for r in b.get("replicas", [])) >= int(count)]
	return {"bases": [b["name"] for b in until(ready, f"{count} replicas")]}


def asleep(boxes):
	lives = {}
	for function in {box.function for box in boxes}:
		domain(function)
		lives.update(client.boxes(function))
	return all(lives.get(box.name, {}).get("life") == "dedup" for box in boxes)


def sleep():
	"""Frozen and hashed; then left idle until the policy has deduplicated them."""
	boxes = remembered()
	Slice(CGROUP).freeze()
	reader = pages.Reader()
	for box in boxes:
		box.pages = reader.snapshot(box.pid)
	for box in boxes:
		client.release(box)
	until(lambda: asleep(boxes), "deduplication")
	remember(boxes)
	found = []
	for box in boxes:
		usage = client.usage(box)
		found.append({"name": box.name, "pages": len(box.pages), "away": pages.away(box.pid) // pages.PAGE,
			      "kept": usage.overhead, **usage.pages})
	return {"sandboxes": found, "users": sum(b["users"] for b in bases() if b.get("replicas"))}


def compare():
	"""All of each sandbox's memory, brought back by reading it or in bulk, beside what it was."""
	found = []
	reader = pages.Reader()
	for number, box in enumerate(remembered()):
		empty_cache()
		before = counter("remote_pages"), counter("remote_reads")
		began = time.monotonic()
		if number % 2:
			client.restore(box)
		took = time.monotonic() - began
		after = reader.snapshot(box.pid)
		if not number % 2:
			took = time.monotonic() - began
		found.append({"name": box.name, "how": "in bulk" if number % 2 else "by touch", "seconds": took,
			      "compared": len(box.pages), "wrong": len(pages.differing(box.pages, after)),
			      "remote_pages": counter("remote_pages") - before[0],
			      "reads": counter("remote_reads") - before[1]})
	Slice(CGROUP).thaw()
	return {"sandboxes": found}


def again():
	"""Each serves once more, and goes to sleep as in real life, not frozen."""
	boxes = remembered()
	for function in {box.function for box in boxes}:
		numbers = seeds(function, 80, len(boxes))
		right = reference(function, numbers)
		for _, seed in zip((box for box in boxes if box.function == function), numbers):
			name, kind, _ = ask(function, seed, right[seed])
			if not name:
				raise DemoError(f"{function}: {kind}")
			client.acquire(function)
	for box in boxes:
		client.release(box)
	until(lambda: asleep(boxes), "deduplication")
	empty_cache()
	return {"users": sum(b["users"] for b in bases() if b.get("replicas"))}


def serve(function, first, n):
	"""Requests, one after the other, each to whatever sandbox the scheduler takes."""
	numbers = seeds(function, int(first), int(n))
	right = reference(function, numbers)
	before = counter("remote_pages")
	found = []
	for seed in numbers:
		name, kind, took = ask(function, seed, right[seed])
		found.append({"sandbox": name, "start": kind if name else None,
			      "error": None if name else kind[:200], "ms": took})
	return {"requests": found, "remote_pages": counter("remote_pages") - before}


def states():
	lives = {s["name"]: s["state"] + (" (stranded)" if s.get("stranded") else "")
		 for s in client.call("GET", "/v1/sandboxes")["sandboxes"]}
	return {"sandboxes": lives, "losses": counter("losses"),
		"peers": json.loads(subprocess.run(["medesctl", "peer", "list", "-j"], capture_output=True,
						   text=True, check=True).stdout)["peers"]}


STEPS = {step.__name__: step for step in
	 (start, begin, shared, made, replicas, sleep, compare, again, serve, states)}


def main():
	try:
		print(json.dumps(STEPS[sys.argv[1]](*sys.argv[2:])))
	except (DemoError, OSError, subprocess.SubprocessError) as error:
		print(f"{sys.argv[1]}: {error}", file=sys.stderr)
		return 1
	return 0


if __name__ == "__main__":
	sys.exit(main())
