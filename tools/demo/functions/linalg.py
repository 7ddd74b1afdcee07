# SPDX-License-Identifier: GPL-2.0-or-later
"""A product, a system of equations and singular values of random matrices."""
import numpy as np

# An array's alignment may change the order of a sum, so the last digits of
# a double are not the same in every process. Eight digits are.
DIGITS = 8


def _digits(value):
	return float(f"{float(value):.{DIGITS}g}")


def handle(request):
	rng = np.random.RandomState(request["seed"] % 2**32)
	size = 96 + 8 * (request["seed"] % 5)
	a = rng.uniform(-1, 1, (size, size)) + size * np.eye(size)
	b = rng.uniform(-1, 1, (size, size))

	product = a @ b
	x = np.linalg.solve(a, b[:, 0])
	residual = np.abs(a @ x - b[:, 0]).max()
	singular = np.linalg.svd(b[:40, :40], compute_uv=False)
	return {
		"size": size,
		"trace": _digits(np.trace(product)),
		"norm": _digits(np.linalg.norm(product)),
		"solution": [_digits(value) for value in x[:4]],
		"solved": bool(residual < 1e-9),
		"singular": [_digits(value) for value in singular[:4]],
	}
