# SPDX-License-Identifier: GPL-2.0-or-later
"""Right answers, from a process that is no sandbox: seeds in, JSON lines out."""
import argparse
import json
import sys

import functions


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--function", required=True, choices=functions.NAMES)
	handle = functions.load(parser.parse_args().function)
	for line in sys.stdin:
		print(json.dumps(handle({"seed": int(line)})))


if __name__ == "__main__":
	main()
