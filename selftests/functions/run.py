#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The controller on the module: functions in Python and Node.js are invoked, left idle,
deduplicated by the policy and invoked again, with right answers, whatever happens to medesd
meanwhile. Output is KTAP. With an argument, only the test of that name."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True

import harness  # noqa: E402
# the order that they run in
import life  # noqa: E402,F401
import limits  # noqa: E402,F401
import pressure  # noqa: E402,F401
import restart  # noqa: E402,F401
import lost  # noqa: E402,F401
import load  # noqa: E402,F401
import oci  # noqa: E402,F401
import watch  # noqa: E402,F401

if __name__ == "__main__":
    sys.exit(harness.run())
