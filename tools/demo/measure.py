# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel says about memory, and what zram makes of the same pages."""
import os
import re
import subprocess
import time

HIGH_FRACTION = "/proc/sys/vm/percpu_pagelist_high_fraction"
KHUGEPAGED_SLEEP = "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs"
AN_HOUR = 3600 * 1000


def read(path):
	with open(path) as file:
		return file.read().strip()


def write(path, text):
	with open(path, "w") as file:
		file.write(str(text))


def _kib(path, key):
	found = re.search(rf"^{key}:\s+(\d+) kB$", read(path), re.MULTILINE)
	if not found:
		raise OSError(f"{path} has no line {key}")
	return int(found[1]) * 1024


def anonymous(pid):
	return _kib(f"/proc/{pid}/smaps_rollup", "Anonymous")


def huge(pid):
	return _kib(f"/proc/{pid}/smaps_rollup", "AnonHugePages")


def libc_address(pid):
	"""Where ASLR put the C library in this process."""
	for line in read(f"/proc/{pid}/maps").splitlines():
		if "/libc.so" in line:
			return line.split("-")[0]
	raise OSError(f"process {pid} has no C library mapped")


def _set(path, value):
	"""Returns how to undo it."""
	before = read(path)
	write(path, value)
	return lambda: write(path, before)


def bound_page_lists():
	"""Per-CPU free lists hide memory from MemFree."""
	return _set(HIGH_FRACTION, 1 << 20)


def pause_khugepaged():
	"""It would add zero pages to frozen processes while they are measured."""
	if not os.path.exists(KHUGEPAGED_SLEEP):
		return lambda: None
	undo = _set(KHUGEPAGED_SLEEP, AN_HOUR)
	time.sleep(1)	# for the round that it may be in
	return undo


def free_memory():
	"""MemFree once everything that can be dropped is dropped."""
	os.sync()
	for _ in range(2):
		write("/proc/sys/vm/drop_caches", 3)
		time.sleep(0.5)
	return _kib("/proc/meminfo", "MemFree")


class Zram:
	"""A zram device of our own: pages go in, mm_stat tells what they take."""

	def __init__(self, algorithm="zstd"):
		if not os.path.exists("/sys/class/zram-control"):
			subprocess.run(["modprobe", "zram", "num_devices=0"], check=True)
		self.algorithm = algorithm
		self.number = int(read("/sys/class/zram-control/hot_add"))
		self.sysfs = f"/sys/block/zram{self.number}"
		self.fd = -1

	def begin(self, size):
		"""An empty device that takes size bytes."""
		self.empty()
		try:
			write(f"{self.sysfs}/comp_algorithm", self.algorithm)
		except OSError as error:
			raise OSError(f"zram takes {read(self.sysfs + '/comp_algorithm')},"
				      f" not {self.algorithm}: {error.strerror}") from error
		write(f"{self.sysfs}/disksize", size)
		self.fd = os.open(f"/dev/zram{self.number}", os.O_WRONLY | os.O_DIRECT)

	def write(self, chunk):
		while chunk:
			chunk = chunk[os.write(self.fd, chunk):]

	def kept(self):
		"""(bytes put in, bytes of memory they take)"""
		os.fsync(self.fd)
		stat = read(f"{self.sysfs}/mm_stat").split()
		return int(stat[0]), int(stat[2])

	def empty(self):
		if self.fd >= 0:
			os.close(self.fd)
			self.fd = -1
		write(f"{self.sysfs}/reset", 1)

	def close(self):
		self.empty()
		write("/sys/class/zram-control/hot_remove", self.number)
