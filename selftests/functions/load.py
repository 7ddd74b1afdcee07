# SPDX-License-Identifier: GPL-2.0-or-later
"""Many requests, and what is seen of them."""

import json
import os
import pty
import re
import select
import subprocess
import time

from harness import SLOW, SOCKET, TESTS_DIRECTORY, ask, daemon, equal, invoke, note, put_keeper, put_noop, sleep, test

RATE = 100


def load(name, *options):
    done = subprocess.run([os.path.join(TESTS_DIRECTORY, "invoke-load"), "-p", str(daemon.process.pid), *options, SOCKET,
                           name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    result = json.loads(done.stdout)
    note(f"{result['sent']} in {result['seconds']:.1f} s: {result['per_s']:.0f}/s; ms p50 {result['p50_ms']:.1f},"
         f" p99 {result['p99_ms']:.1f}; medesd {100 * result['cpu_s'] / result['seconds']:.0f} % of a CPU,"
         f" {1e3 * result['cpu_s'] / result['sent']:.2f} ms an invocation")
    return result


@test("a hundred invocations a second offered, none of which fails")
def _():
    put_noop(max_sandboxes=4)
    equal(invoke("noop")[0], 200)
    seconds = 5
    result = load("noop", "-c", "8", "-r", str(RATE), "-s", str(seconds))
    equal((result["sent"], result["failed"]), (RATE * seconds, 0))
    # how many there could be, for whoever reads this
    load("noop", "-c", "4", "-s", "2")


def screens(seconds):
    """What medesctl top shows on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(["medesctl", "top"], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    text, end = "", time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            invoke("noop")
            if select.select([master], [], [], 0.05)[0]:
                text += os.read(master, 65536).decode()
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return text.replace("\r", "").split("\033[H\033[J")[1:]


@test("medesctl top shows functions live: states, rates, memory")
def _():
    put_keeper()
    put_noop(policy={"idle": "1h"})
    ask("keeper", 1)
    invoke("noop")
    sleep("keeper")
    last = screens(4 * SLOW)[-2]
    note(last)
    lines = {line.split()[0]: line.split() for line in last.splitlines() if line.strip()}
    titles = lines["FUNCTION"]
    keeper, noop = (dict(zip(titles, re.sub(r" ([KMG]?i?B)\b", r"\1", " ".join(lines[name])).split()))
                    for name in ("keeper", "noop"))
    equal((keeper["DEDUP"], keeper["IDLE"], keeper["WARM/S"]), ("1", "0", "0"))
    equal(noop["DEDUP"], "0")
    assert int(noop["WARM/S"]) > 0, noop
    assert keeper["MEMORY"] != "0B", keeper
    assert any(line.startswith("keeper-") and " dedup " in line for line in last.splitlines()), last
    found = json.loads(subprocess.run(["medesctl", "top", "-j"], capture_output=True, text=True, check=True).stdout)
    equal({f["name"]: f["warm_per_s"] for f in found["functions"]}, {"keeper": None, "noop": None})
