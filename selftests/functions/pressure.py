# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that is short of memory."""

import contextlib
import os
import subprocess
import sys

from harness import CGROUPS, Skip, ask, daemon, equal, events, lives, put_keeper, request, soon, test

PSI = "/proc/pressure/memory"
HOG = """
held = bytearray(160 << 20)
while True:
    for i in range(0, len(held), 4096):
        held[i] ^= 1
"""


@contextlib.contextmanager
def stalls():
    """A process that stalls for memory all the time, and takes none from others."""
    path = CGROUPS + "hog"
    os.mkdir(path)
    with open(path + "/memory.high", "w", encoding="ascii") as file:
        file.write("33554432")
    process = subprocess.Popen(["sh", "-c", f'echo $$ > {path}/cgroup.procs; exec "$0" -c "$1"', sys.executable, HOG])
    try:
        yield
    finally:
        process.kill()
        process.wait()
        os.rmdir(path)


def told(seen, action, why):
    return any(kind == "policy" and data["action"] == action and why in data["why"] for kind, data in seen)


@test("a machine that stalls for memory has idle ones deduplicated, before anybody looks", idle="30s", interval="1h")
def _():
    if not os.path.exists(PSI):
        raise Skip("this kernel counts no stalls (psi=1)")
    put_keeper()
    ask("keeper", 1, "cold")
    # measured, so that deduplicating is known to free something
    request("PUT", "/v1/policy", {"params": {"pressure": "20"}})
    equal(lives("keeper"), ["idle"])
    with events() as seen, stalls():
        soon(lambda: lives("keeper") == ["dedup"], "deduplicated")
        assert told(seen, "deduplicate", "the host stalls for memory"), seen
        # in use a moment ago: not purged
        equal(lives("keeper"), ["dedup"])
    ask("keeper", 2, "dedup")


@test("a machine that stalls purges what idles for long, once nothing is left to be deduplicated")
def _():
    if not os.path.exists(PSI):
        raise Skip("this kernel counts no stalls (psi=1)")
    put_keeper()
    ask("keeper", 1, "cold")
    soon(lambda: lives("keeper") == ["dedup"], "deduplicated")
    with events() as seen, stalls():
        soon(lambda: lives("keeper") == [], "purged")
        assert told(seen, "purge", "the host stalls for memory"), seen
    ask("keeper", 2, "cold")


@contextlib.contextmanager
def no_psi():
    subprocess.run(["mount", "--bind", "/dev/null", PSI], check=True)
    try:
        daemon.kill()
        daemon.again()
        yield
    finally:
        subprocess.run(["umount", PSI], check=True)


@test("without a count of stalls MemAvailable is looked at, and medesd says so", idle="1h", more="[Memory]\nFloor=100G\n")
def _():
    if not os.path.exists(PSI):
        raise Skip("there is no file to hide")
    with no_psi():
        soon(lambda: "stalls for memory are not told of" in daemon.log_text(), "a word of it")
        put_keeper(queue_timeout_ms=1000)
        # nothing is started below the floor, and what idles goes
        status, headers, answer = request("POST", "/v1/functions/keeper/invoke", {"seed": 1})
        equal(status, 503, answer)
        assert headers["Retry-After"] and "no memory for another sandbox" in answer["error"], answer
