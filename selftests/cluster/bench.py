#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs that a base is on another node: two guests, one processor each. Guest 1 reads.
In each round, one after the other: perftest's READ latency, faults on pages that are on the other
node, faults on pages that are here; perftest's READ bandwidth, a bulk restore. Medians of all
rounds. Then ten sandboxes at once, and how long it takes to see that the owner is dead.

    bench.py [ROUNDS]           prints a table"""

import re
import statistics
import subprocess
import sys
import time

from nodes import (
    DOMAIN, SEED, SYSFS, address, base, empty_cache, join, peer_state, reload, there)
from harness import counter, ctl, daemon, dedup, guests, live, soon, write

PAGES = 2000
TOUCHED = 600
MIX = "c"               # every page another
TRACING = "/sys/kernel/tracing/"
EVENTS = TRACING + "events/medes/"
KIB = 1024
EXCERPT = 14            # lines of a trace


def perftest(program, column, *options):
    """The value in this column of what a test of perftest prints last."""
    command = " ".join((program, "-d", "rxe0", "-F", *(o for o in options if o)))
    server = subprocess.Popen(["on", "2", command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    for _ in range(100):
        time.sleep(0.2)
        done = subprocess.run(command.split() + [address(2)], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0:
            break
    else:
        server.kill()
        raise RuntimeError("%s: %s" % (command, done.stderr or done.stdout))
    server.wait()
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r"\s*\d+\s+\d+\s+[\d.]", line)]
    return float(rows[-1][column])


# On one processor it matters whether perftest spins until a READ has completed, which keeps soft
# RoCE from working, or sleeps ("-e"): what is compared with is the better one.

def latencies():
    """Spinning, sleeping."""
    return [perftest("ib_read_lat", 4, "-s", "4096", "-n", "300", how) for how in ("", "-e")]


def bandwidth(size):
    """MiB a second."""
    return max(perftest("ib_read_bw", 3, "-s", str(size), "-n", str(max(200, (8 << 20) // size)), how)
               for how in ("", "-e"))


class Trace:
    def __init__(self, *events):
        self.events = events

    def __enter__(self):
        write(TRACING + "buffer_size_kb", 8192)
        write(TRACING + "trace", "")
        for event in self.events:
            write(EVENTS + "medes_%s/enable" % event, 1)
        return self

    def __exit__(self, *_):
        for event in self.events:
            write(EVENTS + "medes_%s/enable" % event, 0)
        with open(TRACING + "trace", encoding="ascii") as file:
            self.lines = [self.parse(line) for line in file if " medes_" in line]

    @staticmethod
    def parse(line):
        at, event, rest = re.search(r"([\d.]+): (medes_\w+): (.*)", line).groups()
        return float(at), event[6:], dict(f.split("=", 1) for f in rest.split())


def faults(guest):
    """Of each page that was touched, microseconds in the handler: all of its tries together. And of
    each READ, from its posting to its completion."""
    with Trace("fault", "read_done") as trace:
        guest.right()
    spent = {}
    reads = [int(f["ns"]) / 1000 for _, event, f in trace.lines if event == "read_done"]
    for _, event, f in trace.lines:
        if event == "fault":
            spent[f["address"]] = spent.get(f["address"], 0) + int(f["ns"]) / 1000
    return statistics.median(spent.values()), statistics.median(reads or [0])


def excerpt(lines):
    """From the middle: what was read, and what was rebuilt meanwhile."""
    shown = [line for line in lines if line[1] != "op_end"]
    shown = shown[len(shown) // 2:][:EXCERPT]
    words = {"read_post": "READs posted", "read_done": "READs done", "restore": "rebuilt and mapped"}
    return ["%8.3f ms  %-18s %3s pages" % (1000 * (at - shown[0][0]), words[event], f["pages"])
            for at, event, f in shown]


def bulk(name):
    """MiB of base pages a second; which share of restored batches came while others were read;
    an excerpt of the trace."""
    with Trace("op_end", "read_post", "read_done", "restore") as trace:
        ctl("restore", name, "--wait")
    ns = [int(f["ns"]) for _, event, f in trace.lines if event == "op_end" and f["kind"] == "restore"]
    pages = sum(int(f["pages"]) for _, event, f in trace.lines if event == "read_done")
    under_way = batches = beside = 0
    for _, event, _ in trace.lines:
        under_way += (event == "read_post") - (event == "read_done")
        batches += event == "restore"
        beside += event == "restore" and under_way > 0
    return pages * 4096 / (1 << 20) / (ns[-1] / 1e9), beside / max(1, batches), excerpt(trace.lines)


def rounds(count):
    got = {name: [] for name in ("spinning", "sleeping", "remote", "read", "local", "bw4", "bw64", "bulk",
                                 "beside")}
    with guests(SEED, pages=TOUCHED, mix=MIX) as some, guests(SEED, pages=PAGES, mix=MIX) as many:
        for name, guest in ("some", some), ("many", many):
            ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", DOMAIN)
        most = counter("fault_around_pages")
        for _ in range(count):
            write(SYSFS + "fault_around_pages", 1)
            for name, us in zip(("spinning", "sleeping"), latencies()):
                got[name].append(us)
            dedup("some")
            empty_cache()
            for name, us in zip(("remote", "read"), faults(some)):
                got[name].append(us)
            dedup("some")
            got["local"].append(faults(some)[0])
            write(SYSFS + "fault_around_pages", most)
            got["bw4"].append(bandwidth(4 * KIB))
            got["bw64"].append(bandwidth(64 * KIB))
            dedup("many")
            empty_cache()
            rate, beside, lines = bulk("many")
            got["bulk"].append(rate)
            got["beside"].append(beside)
        dedup("many")
        empty_cache()
        before = [counter(n) for n in ("faults", "remote_reads", "remote_pages")]
        many.right()
        per = [counter(n) - b for n, b in zip(("faults", "remote_reads", "remote_pages"), before)]
        for name in "some", "many":
            ctl("sandbox", "remove", name)
    return {name: statistics.median(values) for name, values in got.items()}, per, lines


def at_once(number):
    """Seconds from the first to the last, and pages a second."""
    with guests(*[SEED] * number, pages=PAGES // 4, mix=MIX) as all_of_them:
        for i, guest in enumerate(all_of_them):
            ctl("sandbox", "add", "s%d" % i, "--pid", str(guest.pid), "--domain", DOMAIN)
            dedup("s%d" % i)
        empty_cache()
        pages = live()
        with Trace("op_begin", "op_end") as trace:
            jobs = [subprocess.Popen(["medesctl", "restore", "s%d" % i, "--wait"],
                                     stdout=subprocess.DEVNULL) for i in range(number)]
            for job in jobs:
                job.wait()
        took = trace.lines[-1][0] - trace.lines[0][0]
        for i in range(number):
            ctl("sandbox", "remove", "s%d" % i)
    return took, pages / took


def row(what, value, unit, note=""):
    print("%-58s %9.2f %-8s %s" % (what, value, unit, note), flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    reload()
    join(1)
    there(2, "join")
    daemon.start()
    replica = address(2) + "/" + there(2, "base", "shared", str(SEED), str(PAGES), MIX)
    ctl("peer", "add", address(2))
    ctl("base", "import", "shared", replica, "--domain", DOMAIN, "--wait")
    print("# %d pages in the base, %d rounds" % (base("shared")["pages"], count))
    m, (touched, reads, pages), lines = rounds(count)
    raw = min(m["spinning"], m["sleeping"])
    row("READ of 4 KiB, perftest, spinning", m["spinning"], "us")
    row("READ of 4 KiB, perftest, sleeping", m["sleeping"], "us")
    row("fault on a page of the other node", m["remote"], "us",
        "%.2f x the faster, and a fault here" % ((m["remote"] - m["local"]) / raw))
    row("  of that, from posting the READ to its completion", m["read"], "us")
    row("fault on a page that is here", m["local"], "us")
    row("READ bandwidth, perftest, 4 KiB", m["bw4"], "MiB/s")
    row("READ bandwidth, perftest, 64 KiB", m["bw64"], "MiB/s")
    row("bulk restore, base pages", m["bulk"], "MiB/s",
        "%.2f of 64 KiB, %.2f of 4 KiB" % (m["bulk"] / m["bw64"], m["bulk"] / m["bw4"]))
    row("  restored while others were read", 100 * m["beside"], "%")
    row("READs a fault, with fault-around", reads / touched, "", "%.1f pages a READ" % (pages / reads))
    took, rate = at_once(10)
    row("ten sandboxes restored at once", took, "s", "%.0f pages/s" % rate)
    subprocess.run(["vm-kill", "2"], check=True)
    begin = time.monotonic()
    soon(lambda: peer_state(2) == "down", 30)
    row("until a dead owner is noticed", time.monotonic() - begin, "s")
    daemon.kill()
    print("\nIn the middle of the last bulk restore:\n\n" + "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
