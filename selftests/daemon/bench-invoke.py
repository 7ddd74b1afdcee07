#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A load of invocations on the whole of medesd, natively: a function that does nothing, so that
what is measured is the controller: HTTP in, scheduling, HTTP to the sandbox and back.

Needs root (cgroups, namespaces), no module. Exit status 1 when an invocation failed or
fewer than 1000 a second were served."""
import json
import os
import subprocess
import sys

from medesd import BUILD, Daemon

WANTED = 1000
CONNECTIONS = 8


def load(daemon, *options):
    done = subprocess.run([os.path.join(BUILD, "invoke-load"), "-c", str(CONNECTIONS), "-p",
                           str(daemon.process.pid), *options, daemon.socket, "noop"],
                          stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout)


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "10"
    daemon = Daemon(f"MaxCalls={2 * CONNECTIONS}\n", level="warning")
    daemon.put("noop", max_sandboxes=CONNECTIONS, queue_length=10000)
    load(daemon, "-s", "1")     # the sandboxes start
    r = load(daemon, "-s", seconds)
    daemon.stop()
    print(f"{r['sent']} invocations in {r['seconds']:.1f} s over {CONNECTIONS} connections:"
          f" {r['per_s']:.0f}/s, {r['failed']} failed")
    print(f"ms: p50 {r['p50_ms']:.2f}, p95 {r['p95_ms']:.2f}, p99 {r['p99_ms']:.2f}, longest {r['max_ms']:.2f}")
    print(f"medesd: {100 * r['cpu_s'] / r['seconds']:.0f} % of a CPU, {1e6 * r['cpu_s'] / r['sent']:.0f} us an invocation")
    return r["failed"] > 0 or r["per_s"] < WANTED


if __name__ == "__main__":
    sys.exit(main())
