#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""medesctl and medesd end to end, on the module: commands as users type them, exit codes,
messages, JSON, and a daemon that is killed at bad moments. Output is KTAP. With an
argument, only the test of that name."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True

import harness  # noqa: E402
# the order that they run in
import commands  # noqa: E402,F401
import sandboxes  # noqa: E402,F401
import counters  # noqa: E402,F401
import medesd  # noqa: E402,F401
import unload  # noqa: E402,F401

if __name__ == "__main__":
    sys.exit(harness.main())
