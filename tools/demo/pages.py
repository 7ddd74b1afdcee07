# SPDX-License-Identifier: GPL-2.0-or-later
"""The anonymous pages of a process, as the kernel's page tables have them.

This is the demo's own witness: it asks the kernel's PAGEMAP_SCAN which pages
there are, and /proc/PID/mem for their bytes, and knows nothing of Medes. A
deduplicated page counts as swapped here, and reading it brings it back.
Processes must be frozen while they are read.
"""
import ctypes
import fcntl
import hashlib
import mmap
import os

PAGE = mmap.PAGESIZE

# uapi/linux/fs.h
PAGEMAP_SCAN = 0xC0606610
IS_FILE, IS_PRESENT, IS_SWAPPED, IS_PFNZERO, IS_GUARD = 4, 8, 16, 32, 256
REGIONS = 1024


class _Region(ctypes.Structure):
	_fields_ = [(name, ctypes.c_uint64) for name in ("start", "end", "categories")]


class _Scan(ctypes.Structure):
	_fields_ = [(name, ctypes.c_uint64) for name in (
		"size", "flags", "start", "end", "walk_end", "vec", "vec_len", "max_pages",
		"category_inverted", "category_mask", "category_anyof_mask", "return_mask")]


def _mappings(pid):
	"""(start, end) of every private mapping, without the kernel's own ones."""
	with open(f"/proc/{pid}/maps") as lines:
		for line in lines:
			field = line.split(maxsplit=5)
			name = field[5].strip() if len(field) > 5 else ""
			if field[1][3] == "p" and not name.startswith("[v"):
				yield tuple(int(part, 16) for part in field[0].split("-"))


def regions(pid):
	"""[(start, end, resident)] of all anonymous pages, in order of address."""
	found = []
	vec = (_Region * REGIONS)()
	none = IS_FILE | IS_PFNZERO | IS_GUARD
	fd = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
	try:
		for start, end in _mappings(pid):
			while start < end:
				scan = _Scan(size=ctypes.sizeof(_Scan), start=start, end=end,
					     vec=ctypes.addressof(vec), vec_len=REGIONS,
					     category_inverted=none, category_mask=none,
					     category_anyof_mask=IS_PRESENT | IS_SWAPPED,
					     return_mask=IS_PRESENT | IS_SWAPPED)
				count = fcntl.ioctl(fd, PAGEMAP_SCAN, scan)
				found += [(r.start, r.end, bool(r.categories & IS_PRESENT))
					  for r in vec[:count]]
				start = scan.walk_end
	finally:
		os.close(fd)
	return found


def resident(pid):
	"""Bytes of anonymous memory that this process holds in DRAM."""
	return sum(end - start for start, end, present in regions(pid) if present)


def away(pid):
	"""Bytes of anonymous memory that are deduplicated (there is no swap)."""
	return sum(end - start for start, end, present in regions(pid) if not present)


class Reader:
	"""Reads all anonymous pages of processes through one aligned buffer."""

	def __init__(self, chunk=1 << 20):
		self.buffer = mmap.mmap(-1, chunk)
		self.view = memoryview(self.buffer)

	def snapshot(self, pid, sink=None):
		"""{address: hash} of every page; sink gets the bytes, chunk by chunk."""
		hashes = {}
		fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
		try:
			for start, end, _ in regions(pid):
				for at in range(start, end, len(self.buffer)):
					chunk = self.view[:min(end - at, len(self.buffer))]
					if os.preadv(fd, [chunk], at) != len(chunk):
						raise OSError(f"/proc/{pid}/mem ends short of {at + len(chunk):#x}")
					for offset in range(0, len(chunk), PAGE):
						page = chunk[offset:offset + PAGE]
						hashes[at + offset] = hashlib.blake2b(page, digest_size=16).digest()
					if sink:
						sink(chunk)
		finally:
			os.close(fd)
		return hashes


# Splitting a huge page maps its zero pages to the one zero page, which is nobody's
# anonymous memory and reads the same: a zero page may be there or not.
ZERO = hashlib.blake2b(bytes(PAGE), digest_size=16).digest()


def zeros(hashes):
	"""How many of the pages hold nothing but zeros."""
	return sum(digest == ZERO for digest in hashes.values())


def differing(before, after):
	"""Addresses whose page changed, went away or came from nowhere."""
	return [address for address in before.keys() | after.keys()
		if before.get(address, ZERO) != after.get(address, ZERO)]
