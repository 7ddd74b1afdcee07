# SPDX-License-Identifier: GPL-2.0-or-later
"""Orders in JSON are parsed, summed per customer and written back."""
import hashlib
import json
import random

CITIES = ("Lisbon", "Oslo", "Quito", "Hanoi", "Accra", "Turin", "Perth", "Lima")


def _orders(rng):
	return [{
		"order": number,
		"customer": f"customer-{rng.randrange(40):02d}",
		"city": rng.choice(CITIES),
		"lines": [{"sku": rng.getrandbits(40), "count": rng.randint(1, 9),
			   "cents": rng.randint(50, 99999)}
			  for _ in range(rng.randint(1, 5))],
	} for number in range(120)]


def handle(request):
	text = json.dumps(_orders(random.Random(request["seed"])))

	totals = {}
	for order in json.loads(text):
		due = sum(line["count"] * line["cents"] for line in order["lines"])
		customer = totals.setdefault(order["customer"], {"orders": 0, "cents": 0})
		customer["orders"] += 1
		customer["cents"] += due

	report = json.dumps(totals, sort_keys=True, indent=1)
	best = max(sorted(totals), key=lambda name: totals[name]["cents"])
	return {
		"customers": len(totals),
		"best": best,
		"cents": totals[best]["cents"],
		"report": hashlib.sha256(report.encode()).hexdigest(),
	}
