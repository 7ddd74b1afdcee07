#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What may go wrong between nodes: three guests. Guest 1 reads; 2 and 3 have the same base, one
from a process, the other as a copy of that. Whatever fails, a page that is read is right, and when
no node can give it, nobody gets anything."""

import json
import signal
import subprocess
import sys
import threading
import time

from nodes import (
    DOMAIN, KEY, MIX, OWN, SEED, SYSFS, TIMEOUT_MS, address, base, cut, empty_cache, join, main, mend,
    on, peer_state, peers, refusals, reload, test, there, wait_for_nodes)
import harness
from harness import (
    check, counter, ctl, daemon, dedup, equal, guests, http, live, note, refused, sandbox, soon)

PAGES = 4000            # so that what is to be interrupted takes a while
LEASE_MS = 1000

EXPORTED = {}


# ---- owners -------------------------------------------------------------------------

def replica(node):
    return "%s/%s" % (address(node), EXPORTED[node])


def states():
    """Of each node's replica."""
    ids = {p["id"]: p["address"] for p in peers().values()}
    return {ids[r["peer"]]: r["state"] for r in base("shared")["replicas"]}


def ready(*nodes):
    return soon(lambda: states() == {address(n): "ready" for n in nodes}, 30)


def begin(node):
    there(node, "join")
    on(node, "echo %d > %slease_ms" % (LEASE_MS * harness.SLOW, SYSFS))


def kill(node):
    subprocess.run(["vm-kill", str(node)], check=True)


def come_back(node, other):
    """It has nothing of what it had; so it copies what the other one has."""
    check(soon(lambda: states()[address(node)] == "refused", 30), states())
    EXPORTED[node] = there(node, "copy", "shared", replica(other))
    ctl("base", "leave", "shared", address(node))
    ctl("base", "add-replica", "shared", replica(node))
    check(ready(2, 3), states())


def revive(node, other):
    subprocess.run(["vm-boot", str(node)], check=True)
    begin(node)
    come_back(node, other)


def add(name, guest, domain=DOMAIN):
    ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", domain)


def adopt(name, guest):
    """As a sandbox that a platform has served a request by; until the policy has deduplicated it."""
    function = "/v1/functions/%s%%s?domain=%s" % (name, DOMAIN)
    equal(http("PUT", function % "", {})[0], 201)
    equal(http("PUT", "/v1/policy", {"params": {"idle": "1s", "interval": "1s"}})[0], 200)
    equal(http("POST", function % "/adopt", {"name": name, "pids": [guest.pid]})[0], 201)
    equal(http("POST", "/v1/sandboxes/%s/release" % name)[0], 200)
    check(soon(lambda: box(name)["life"] == "dedup", 60), box(name))


def box(name):
    return next(s for s in http("GET", "/v1/sandboxes")[1]["sandboxes"] if s["name"] == name)


def unreachable(name):
    return sandbox(name)["stats"]["pages_unreachable"]


def orphaned(name):
    return sandbox(name)["stats"]["pages_orphaned"]


def start(guest, line):
    guest.process.stdin.write(line + "\n")
    guest.process.stdin.flush()


def in_the_middle(process=None):
    """When something has been read, and not all."""
    before = counter("remote_pages")
    check(soon(lambda: counter("remote_pages") > before), "nothing is read")
    check(process is None or process.poll() is None, "it was over too soon")


# ---- the tests ----------------------------------------------------------------------

@test("two nodes have the same base, one as a copy of the other's")
def _():
    reload()
    join(1)
    begin(2)
    begin(3)
    daemon.start()
    EXPORTED[2] = there(2, "base", "shared", str(SEED), str(PAGES), MIX)
    EXPORTED[3] = there(3, "copy", "shared", replica(2))
    ctl("peer", "add", address(2))
    ctl("peer", "add", address(3))
    ctl("base", "import", "shared", replica(2), replica(3), "--domain", DOMAIN, "--wait")
    check(ready(2, 3), states())
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("both", guest)
        dedup("both")
        empty_cache()
        before = {a: p["reads"] for a, p in peers().items()}
        guest.right()
        check(all(p["reads"] > before[a] for a, p in peers().items()), "one was not asked:", peers())
        ctl("sandbox", "remove", "both")
    daemon.stop()


@test("a stranger gets nothing, and what he tries is counted")
def _():
    before = refusals(2)
    tried = subprocess.run([OWN.replace("cluster/own.py", "stranger"), address(2), "7170", "test", KEY,
                            EXPORTED[2]], capture_output=True, text=True, check=False,
                           timeout=120 * harness.SLOW)
    note(tried.stdout + tried.stderr)
    equal(tried.returncode, 0, "exit of the stranger")
    after = refusals(2)
    for reason, times in (("version", 1), ("cluster", 1), ("malformed", 3), ("token", 2), ("key", 2)):
        equal(after["refused_" + reason] - before["refused_" + reason], times, reason)
    check(ready(2, 3), states())


@test("no daemon for ten lease times: every page is right")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("alone", guest)
        dedup("alone")
        daemon.kill()
        empty_cache()
        time.sleep(10 * LEASE_MS / 1000 * harness.SLOW)
        leases = json.loads(on(2, "medesctl lease list -j"))["leases"]
        check([n["node"] for n in leases if n["left_ms"]] == ["node1"], leases)
        guest.right()
        equal(counter("pages_lost"), 0, "pages lost")


@test("an owner that dies while nothing is read")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("idle", guest)
        dedup("idle")
        empty_cache()
        kill(2)
        since = time.monotonic()
        check(soon(lambda: peer_state(2) == "down"), peers())
        note("noticed after %.2f s" % (time.monotonic() - since))
        guest.right()
        # one that is back has another generation: what refers to the old one is not read there
        dedup("idle")
        empty_cache()
        revive(2, 3)
        guest.right()
        equal(counter("pages_lost"), 0, "pages lost")
        ctl("sandbox", "remove", "idle")
    daemon.stop()


@test("an owner that dies in the middle of a fault")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("fault", guest)
        dedup("fault")
        empty_cache()
        start(guest, "check")
        in_the_middle()
        kill(3)
        equal(guest.process.stdout.readline(), "0\n", "wrong pages")
        equal(counter("pages_lost"), 0, "pages lost")
        ctl("sandbox", "remove", "fault")
    revive(3, 2)
    daemon.stop()


@test("an owner that dies during dedup")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("dedup", guest)
        empty_cache()
        with subprocess.Popen(["medesctl", "dedup", "dedup", "--wait"]) as job:
            in_the_middle(job)
            kill(2)
            equal(job.wait(), 0, "exit of dedup")
        check(live() > PAGES // 2, live(), "pages are away")
        empty_cache()
        guest.right()
        ctl("sandbox", "remove", "dedup")
    revive(2, 3)
    daemon.stop()


@test("an owner that dies in the middle of a bulk restore")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("bulk", guest)
        dedup("bulk")
        empty_cache()
        with subprocess.Popen(["medesctl", "restore", "bulk", "--wait"]) as job:
            in_the_middle(job)
            kill(3)
            equal(job.wait(), 0, "exit of restore")
        equal(live(), 0, "pages away")
        guest.right()
        ctl("sandbox", "remove", "bulk")
    revive(3, 2)
    daemon.stop()


@test("a page that is damaged on its owner is read from the other")
def _():
    knobs = "/sys/kernel/debug/medes/fail_export/"
    if on(3, "ls " + knobs, code=None) == "":
        raise harness.Skip("the kernel injects no faults")
    daemon.start()
    there(3, "join")
    # all of it, as nobody says which pages are read from which of the two
    on(3, "cd %s && echo 100 > probability && echo -1 > times" % knobs)
    come_back(3, 2)
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("damaged", guest)
        dedup("damaged")
        empty_cache()
        before = counter("remote_bad")
        guest.right()
        check(counter("remote_bad") > before, "no damaged page was read")
        equal(counter("pages_lost"), 0, "pages lost")
        ctl("sandbox", "remove", "damaged")
    # whose module forgets what it was told to damage
    there(3, "join")
    come_back(3, 2)
    daemon.stop()


@test("an RDMA device goes and comes, on either side")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("device", guest)
        for node in 1, 2:
            dedup("device")
            empty_cache()
            start(guest, "check")
            in_the_middle()
            on(node, "rdma link delete rxe0")
            if node == 2:
                equal(guest.process.stdout.readline(), "0\n", "wrong pages without it")
            on(node, "rdma link add rxe0 type rxe netdev eth0")
            if node == 1:
                equal(guest.process.stdout.readline(), "0\n", "wrong pages after it was away")
            check(ready(2, 3), states())
        equal(counter("pages_lost"), 0, "pages lost")
        ctl("sandbox", "remove", "device")
    daemon.stop()


@test("the module is unloaded, on either side")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("unload", guest)
        dedup("unload")
        empty_cache()
        on(2, "modprobe -r medes")
        guest.right()
        begin(2)
        come_back(2, 3)
        dedup("unload")
        empty_cache()
        check(subprocess.run(["modprobe", "-r", "medes"], capture_output=True, check=False).returncode,
              "the module went with records")
        daemon.kill()
        ctl("unload")
        guest.right()
    check(soon(lambda: not json.loads(on(3, "medesctl lease list -j"))["leases"] or
               all(not n["left_ms"] for n in json.loads(on(3, "medesctl lease list -j"))["leases"])),
          "leases stay")
    reload()
    join(1)
    daemon.start()
    for node in 2, 3:
        ctl("peer", "add", address(node))
    ctl("base", "import", "shared", replica(2), replica(3), "--domain", DOMAIN, "--wait")
    check(ready(2, 3), states())
    daemon.stop()


@test("a link that is cut and mended while pages are read")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        add("cut", guest)
        dedup("cut")
        empty_cache()
        start(guest, "check")
        in_the_middle()
        cut()
        time.sleep(5 * TIMEOUT_MS / 1000 * harness.SLOW)
        mend()
        equal(guest.process.stdout.readline(), "0\n", "wrong pages")
        check(ready(2, 3), states())
        ctl("sandbox", "remove", "cut")
    daemon.stop()


@test("no owner is left: SIGBUS, EFAULT, an event in time; others go on")
def _():
    daemon.start()
    with guests(SEED, SEED, SEED, 99, pages=PAGES, mix=MIX) as (touches, calls, rests, near):
        adopt("rests", rests)
        add("touches", touches)
        add("calls", calls)
        add("near", near, domain="near")
        for name in "touches", "calls", "near":
            dedup(name)
        # what it needs besides the area comes back, as it is to live
        equal(calls.ask("send %d" % (PAGES - 1)), "0")
        empty_cache()
        with subprocess.Popen(["medesctl", "watch", "-j"], stdout=subprocess.PIPE,
                              text=True) as watch:
            too_late = threading.Timer(60 * harness.SLOW, watch.kill)
            too_late.start()
            wait_for_nodes(TIMEOUT_MS)
            kill(2)
            kill(3)
            since = time.monotonic()
            # before anybody touches it
            check(soon(lambda: unreachable("rests") > PAGES // 2), unreachable("rests"))
            equal(unreachable("near"), 0, "pages that only need this node")
            equal(box("rests")["stranded"], True)
            start(calls, "send 0")
            start(touches, "check")
            kinds = iter(json.loads(line)["event"] for line in watch.stdout)
            check("loss" in kinds, "no event")
            note("an event after %.2f s" % (time.monotonic() - since))
            # the time it takes to see that a node is silent, and read_timeout_ms from then
            check(time.monotonic() - since < (5 + TIMEOUT_MS / 1000) * harness.SLOW, "too late")
            too_late.cancel()
            watch.send_signal(signal.SIGINT)
        equal(touches.process.wait(30 * harness.SLOW), -signal.SIGBUS, "end of the toucher")
        refusals_seen = int(calls.process.stdout.readline())
        check(refusals_seen > PAGES // 4, refusals_seen, "system calls failed with EFAULT")
        equal(sandbox("calls")["state"], "lost")
        near.right()
        check(sandbox("near")["state"] != "lost", sandbox("near"))
        refused("restore", "calls", "--wait", says="rebuilt")
        ctl("sandbox", "remove", "near")
        ctl("sandbox", "remove", "calls")
        # one is back and has given the base up; on the other one nobody counts any more
        equal(orphaned("rests"), 0, "pages that will never come")
        subprocess.run(["vm-boot", "2"], check=True)
        begin(2)
        check(soon(lambda: states()[address(2)] == "refused", 30), states())
        refused("base", "leave", "shared", address(3), says="records")
        equal(box("rests")["life"], "dedup")
        ctl("base", "leave", "shared", address(3), "--force")
        check(soon(lambda: box("rests")["life"] == "lost", 30), box("rests"))
        check(orphaned("rests") > PAGES // 2, orphaned("rests"))
        equal(sandbox("rests")["stats"]["pages_lost"], 0, "pages that somebody touched")
    check(soon(lambda: live() == 0), live(), "pages stay")
    ctl("base", "remove", "shared")
    for node in 2, 3:
        ctl("peer", "remove", address(node))
    daemon.stop()


if __name__ == "__main__":
    sys.exit(main(3))
