# SPDX-License-Identifier: GPL-2.0-or-later
"""Images of real processes for medes-bench: pages, their addresses, a request's touches.

image.h says what the files hold. Sandbox 1 of a function gives the base, 2 what is
measured.
"""
import array
import os
import re

import measure
import pages

TRACE = "/sys/kernel/tracing/instances/medes-images"
FAULT = f"{TRACE}/events/medes/medes_fault/enable"
AROUND = "/sys/kernel/medes/fault_around_pages"
CHUNK = 1 << 20


def dump(pid, path):
	"""Write the anonymous pages of a frozen process; returns how many."""
	addresses = array.array("Q")
	mem = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
	try:
		with open(f"{path}.pages", "wb") as out:
			for start, end, _ in pages.regions(pid):
				for at in range(start, end, CHUNK):
					data = os.pread(mem, min(end - at, CHUNK), at)
					if len(data) != min(end - at, CHUNK):
						raise OSError(f"/proc/{pid}/mem ends short of {at + CHUNK:#x}")
					out.write(data)
				addresses.extend(range(start, end, pages.PAGE))
	finally:
		os.close(mem)
	with open(f"{path}.addresses", "wb") as out:
		addresses.tofile(out)
	return len(addresses)


class Touches:
	"""Which pages of a deduplicated sandbox a request touches, in its order.

	With fault-around off, each page faults when it is touched first.
	"""

	def __enter__(self):
		os.mkdir(TRACE)
		measure.write(f"{TRACE}/buffer_size_kb", 8192)
		# switched on once: on an emulated processor each switch is a small risk
		measure.write(FAULT, 1)
		measure.write(AROUND, 1)
		return self

	def __exit__(self, *_):
		measure.write(AROUND, 16)
		measure.write(FAULT, 0)
		os.rmdir(TRACE)

	@staticmethod
	def clear():
		measure.write(f"{TRACE}/trace", " ")

	@staticmethod
	def write(path):
		"""Write the touches since clear(); returns how many."""
		found = re.findall(r"medes_fault: .*?address=0x([0-9a-f]+) ", measure.read(f"{TRACE}/trace"))
		touches = array.array("Q", (int(address, 16) for address in found))
		with open(f"{path}.touches", "wb") as out:
			touches.tofile(out)
		return len(touches)
