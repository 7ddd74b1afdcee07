# SPDX-License-Identifier: GPL-2.0-or-later
"""The functions of the demo: small Python services of FunctionBench's kinds.

Each module here has handle(request), which takes {"seed": integer} and
returns a dictionary that JSON can carry. The answer depends on the seed and
on nothing else: not on earlier requests, the process, the hash seed or the
number of processors. So an answer that was computed elsewhere proves that a
sandbox still works.
"""
import importlib
import os

NAMES = ("vanilla", "linalg", "image", "html", "auth", "feature")

# Several BLAS threads would add up in an order that differs between runs.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def load(name):
	"""Import the function called name and return its handle()."""
	if name not in NAMES:
		raise ValueError(f"no function {name!r}; there are {', '.join(NAMES)}")
	for variable in _ONE_THREAD:
		os.environ[variable] = "1"
	return importlib.import_module(f"{__name__}.{name}").handle
