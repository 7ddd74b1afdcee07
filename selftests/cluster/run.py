#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bases on other nodes, end to end: two guests, soft RoCE between them.

The tests run on guest 1, which reads; guest 2 owns the bases. They build on one
another and run in the order of the file, as the last one cuts the owner's power.
Output is KTAP.

    run.py              the tests
    run.py own ...      the owner's part, run there by the tests"""

import json
import os
import signal
import subprocess
import sys
import time

TESTS_DIRECTORY = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(TESTS_DIRECTORY, "control"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from harness import (  # noqa: E402
    SYSFS, check, counter, ctl, daemon, dedup, equal, guests, live, note, refused, sandbox, soon,
    write)

NODES = int(os.environ.get("VM_NODES", "1"))
NODE = int(os.environ.get("VM_NODE", "1"))
KEY = "00112233445566778899aabbccddeeff"
DOMAIN = "cluster"
PAGES = 1200            # of a base: three extents
MIX = "cs"              # in the base; each page of kind "c" is another
SEED = 7
TIMEOUT_MS = 1500

TESTS = []


def test(name):
    def register(fn):
        TESTS.append((name, fn))
        return fn
    return register


# ---- nodes --------------------------------------------------------------------------

def on(node, *command, code=0):
    """Run a command on another guest; its output."""
    done = subprocess.run(["on", str(node), " ".join(command)], capture_output=True, text=True,
                          check=False, timeout=120 * harness.SLOW)
    check(code is None or done.returncode == code, "on", node, *command, ": exit",
          done.returncode, done.stdout, done.stderr)
    return done.stdout


def there(node, *args):
    return on(node, "python3", os.path.realpath(__file__), *args)


def join(node, key=KEY, cluster="test"):
    with open("/tmp/cluster.key", "w", encoding="ascii") as file:
        file.write(key)
    ctl("cluster", "join", cluster, "node%d" % node, "--key", "/tmp/cluster.key")


def reload():
    subprocess.run(["modprobe", "-r", "medes"], check=True)
    subprocess.run(["modprobe", "medes"], check=True)
    write(SYSFS + "read_timeout_ms", TIMEOUT_MS * harness.SLOW)


def address(node):
    return "10.77.0.%d" % node


def peers():
    return {p["address"]: p for p in ctl("peer", "list", "-j").json()["peers"]}


def peer_state(node):
    return peers()[address(node)]["state"]


def base(name):
    return ctl("base", "show", name, "-j").json()


def replica_states(name):
    return sorted(r["state"] for r in base(name)["replicas"])


def empty_cache():
    most = counter("max_fetched_bytes")
    write(SYSFS + "max_fetched_bytes", 0)
    equal(counter("remote_cached"), 0, "pages in the cache")
    write(SYSFS + "max_fetched_bytes", most)


# ---- the owner's part ---------------------------------------------------------------

def own_join():
    subprocess.run(["modprobe", "-r", "medes"], check=False)
    subprocess.run(["modprobe", "medes"], check=True)
    join(NODE)


def own_base(name, seed, pages, mix):
    """A base of a process that ends, and a daemon that ends: what stays is the kernel's."""
    daemon.start()
    with guests(int(seed), pages=int(pages), mix=mix) as guest:
        ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", DOMAIN)
        ctl("base", "add", name, "--name", name)
        print(ctl("base", "export", name).out.strip())
    daemon.stop()


# ---- set-up -------------------------------------------------------------------------

EXPORTED = {}


@test("without a cluster a node works alone and says so")
def _():
    reload()
    facts = ctl("cluster", "show", "-j").json()
    check("name" not in facts and not facts["listening"], facts)
    equal(facts["devices"], 1, "RDMA devices")
    refused("peer", "add", address(2), says="cluster")
    there(2, "own", "join")


@test("a stranger is refused and counted: another key, another cluster")
def _():
    before = json.loads(on(2, "medesctl", "cluster", "show", "-j"))
    # who has not the key sees by himself that the owner has another
    for key, cluster, counted in [("f" * 32, "test", None), (KEY, "other", "refused_cluster")]:
        reload()
        join(1, key=key, cluster=cluster)
        ctl("peer", "add", address(2))
        check(soon(lambda: peer_state(2) == "refused"), peers())
        check("error" in peers()[address(2)], peers())
        if counted:
            after = json.loads(on(2, "medesctl", "cluster", "show", "-j"))
            check(after[counted] > before[counted], counted, after)
    reload()


@test("a node joins once, before it has anything")
def _():
    with guests(1) as guest:
        daemon.start()
        ctl("sandbox", "add", "x", "--pid", str(guest.pid))
        write("/tmp/cluster.key", KEY)
        refused("cluster", "join", "test", "node1", "--key", "/tmp/cluster.key", says="before")
        ctl("sandbox", "remove", "x")
        daemon.stop()
    write("/tmp/short.key", "short")
    refused("cluster", "join", "test", "node1", "--key", "/tmp/short.key", says="16")
    join(1)
    join(1)
    refused("cluster", "join", "other", "node1", "--key", "/tmp/cluster.key", says="unload")
    ctl("peer", "add", address(2))
    refused("peer", "add", address(2), says="known")
    check(soon(lambda: peer_state(2) == "up"), peers())
    equal(peers()[address(2)]["name"], "node2")


@test("a base is exported and imported")
def _():
    daemon.start()
    EXPORTED[2] = there(2, "own", "base", "shared", str(SEED), str(PAGES), MIX).strip()
    refused("base", "import", "b", "10.77.0.2/0x1/0x1", "--domain", DOMAIN, "--wait", says="no node")
    ctl("base", "remove", "b")
    refused("base", "import", "b", "10.99.0.9/0x1/0x1", "--domain", DOMAIN, says="10.99.0.9")
    refused("base", "import", "b", "nonsense", "--domain", DOMAIN, says="nonsense")
    ctl("base", "import", "shared", "10.77.0.2/" + EXPORTED[2], "--domain", DOMAIN, "--wait")
    # of "s" there are only sixteen different pages
    check(base("shared")["pages"] >= PAGES // 2, base("shared"))
    equal(replica_states("shared"), ["ready"])
    refused("peer", "remove", address(2), says="imported")
    leases = json.loads(on(2, "medesctl", "lease", "list", "-j"))["leases"]
    equal([lease["node"] for lease in leases], ["node1"])
    daemon.stop()


@test("pages are deduplicated against it and come back by touch")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "touch", "--pid", str(guest.pid), "--domain", DOMAIN)
        check(dedup("touch")["pages_stored"] >= PAGES - 2, sandbox("touch"))
        check(counter("pages_same") >= PAGES - 40, "same", counter("pages_same"))
        check(base("shared")["users"] >= PAGES - 40, base("shared"))
        empty_cache()
        before = counter("remote_pages"), counter("remote_reads"), counter("faults")
        guest.right()
        # of its own, beside the area, some pages stay away
        check(live() < 60, live(), "pages away")
        pages, reads, faults = (counter(n) - b for n, b in
                                zip(("remote_pages", "remote_reads", "faults"), before))
        check(pages >= PAGES // 2, pages, "pages were read")
        check(reads <= pages, reads, "READs for", pages, "pages")
        check(faults < PAGES, faults, "faults for", PAGES, "pages")
        note("touch: %d faults, %d READs, %d pages" % (faults, reads, pages))
        guest.right()
        ctl("sandbox", "remove", "touch")
    daemon.stop()


@test("similar pages are words against it, and restored in bulk")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix="cw") as guest:
        ctl("sandbox", "add", "bulk", "--pid", str(guest.pid), "--domain", DOMAIN)
        dedup("bulk")
        check(counter("pages_words") > 100, "words", counter("pages_words"))
        empty_cache()
        begin = time.monotonic()
        ctl("restore", "bulk", "--wait")
        note("bulk: %.2f s" % (time.monotonic() - begin))
        equal(live(), 0, "pages away")
        guest.right()
        dedup("bulk")
        empty_cache()
        ctl("settle", "bulk", "--wait")
        empty_cache()
        ctl("restore", "--all", "--wait")
        equal(live(), 0, "pages away")
        guest.right()
        ctl("sandbox", "remove", "bulk")
    daemon.stop()


@test("the cache keeps its ceiling, and gives way when memory is short")
def _():
    most = counter("max_fetched_bytes")
    write(SYSFS + "max_fetched_bytes", 200 * 4096)
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "small", "--pid", str(guest.pid), "--domain", DOMAIN)
        dedup("small")
        check(0 < counter("remote_cached") <= 200, counter("remote_cached"))
        guest.right()
        check(0 < counter("remote_cached") <= 200, counter("remote_cached"))
        write(SYSFS + "max_fetched_bytes", most)
        dedup("small")
        before = counter("remote_cached")
        check(before > 200, before, "pages in the cache")
        write("/proc/sys/vm/drop_caches", 2)
        check(counter("remote_cached") < before, counter("remote_cached"), "of", before)
        guest.right()
        ctl("sandbox", "remove", "small")
    daemon.stop()


@test("a link that is cut for five time-outs and mended: nothing is lost")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "cut", "--pid", str(guest.pid), "--domain", DOMAIN)
        dedup("cut")
        empty_cache()
        daemon.kill()
        on(2, "ip", "link", "set", "eth0", "down")
        check(soon(lambda: peer_state(2) == "down"), peers())
        time.sleep(5 * TIMEOUT_MS / 1000 * harness.SLOW)
        on(2, "ip", "link", "set", "eth0", "up")
        check(soon(lambda: peer_state(2) == "up", 30), peers())
        check(soon(lambda: replica_states("shared") == ["ready"]), base("shared"))
        guest.right()
        equal(counter("pages_lost"), 0, "pages lost")
        ctl("restore", "cut", "--wait")
        guest.right()


@test("a thread that waits for another node keeps no other from mmap()")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "wait", "--pid", str(guest.pid), "--domain", DOMAIN)
        dedup("wait")
        empty_cache()
        write(SYSFS + "read_timeout_ms", 60000)
        on(2, "ip", "link", "set", "eth0", "down")
        guest.process.stdin.write("mmap\n")
        guest.process.stdin.flush()
        time.sleep(3)
        on(2, "ip", "link", "set", "eth0", "up")
        wrong, longest = map(int, guest.process.stdout.readline().split())
        equal(wrong, 0, "wrong pages")
        note("the longest mmap() took %d ms" % longest)
        check(longest < 1000, longest, "ms for an mmap()")
        ctl("sandbox", "remove", "wait")
    write(SYSFS + "read_timeout_ms", TIMEOUT_MS * harness.SLOW)
    daemon.stop()


@test("SIGKILL ends a process that waits for another node; others end as ever")
def _():
    daemon.start()
    with guests(SEED, SEED, pages=PAGES, mix=MIX) as (waits, ends):
        for name, guest in ("waits", waits), ("ends", ends):
            ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", DOMAIN)
            dedup(name)
        empty_cache()
        write(SYSFS + "read_timeout_ms", 60000)
        on(2, "ip", "link", "set", "eth0", "down")
        waits.process.stdin.write("check\n")
        waits.process.stdin.flush()
        time.sleep(1)
        begin = time.monotonic()
        waits.kill()
        ends.kill()
        took = time.monotonic() - begin
        on(2, "ip", "link", "set", "eth0", "up")
        check(took < 5 * harness.SLOW, took, "seconds to die")
        check(soon(lambda: live() == 0), live(), "pages stay")
    write(SYSFS + "read_timeout_ms", TIMEOUT_MS * harness.SLOW)
    daemon.stop()
    check(soon(lambda: peer_state(2) == "up", 30), peers())


@test("an RDMA device goes and comes, on either side")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "device", "--pid", str(guest.pid), "--domain", DOMAIN)
        for node in 1, 2:
            dedup("device")
            empty_cache()
            command = "rdma link delete rxe0 && rdma link add rxe0 type rxe netdev eth0"
            if node == 1:
                subprocess.run(command, shell=True, check=True)
            else:
                on(node, command)
            check(soon(lambda: peer_state(2) == "up" and replica_states("shared") == ["ready"], 30),
                  peers(), base("shared"))
            guest.right()
        ctl("sandbox", "remove", "device")
    daemon.stop()


@test("a copy of an imported base stands alone")
def _():
    daemon.start()
    ctl("base", "copy", "shared", "copy")
    equal(base("copy")["pages"], base("shared")["pages"])
    check("replicas" not in base("copy"), base("copy"))
    ctl("base", "remove", "copy")
    daemon.stop()


@test("an owner that has unloaded its module has the base no more")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "gone", "--pid", str(guest.pid), "--domain", DOMAIN)
        dedup("gone")
        there(2, "own", "join")
        check(soon(lambda: replica_states("shared") == ["refused"], 30), base("shared"))
        # what is in the cache serves still
        guest.right()
        ctl("sandbox", "remove", "gone")
    ctl("base", "remove", "shared")
    EXPORTED[2] = there(2, "own", "base", "shared", str(SEED), str(PAGES), MIX).strip()
    ctl("base", "import", "shared", "10.77.0.2/" + EXPORTED[2], "--domain", DOMAIN, "--wait")
    daemon.stop()


@test("an owner that dies: SIGBUS, an event, lost; others go on")
def _():
    daemon.start()
    with guests(SEED, 99, pages=PAGES, mix=MIX) as (far, near):
        ctl("sandbox", "add", "far", "--pid", str(far.pid), "--domain", DOMAIN)
        ctl("sandbox", "add", "near", "--pid", str(near.pid), "--domain", "near")
        dedup("far")
        dedup("near")
        empty_cache()
        subprocess.run(["vm-kill", "2"], check=True)
        begin = time.monotonic()
        check(soon(lambda: peer_state(2) == "down"), peers())
        note("noticed after %.2f s" % (time.monotonic() - begin))
        far.process.stdin.write("check\n")
        far.process.stdin.flush()
        equal(far.process.wait(30 * harness.SLOW), -signal.SIGBUS, "end of the toucher")
        check(counter("losses") > 0, counter("losses"))
        near.right()
        ctl("sandbox", "remove", "near")
    check(soon(lambda: live() == 0), live(), "pages stay")
    ctl("base", "remove", "shared")
    ctl("peer", "remove", address(2))
    daemon.stop()


# ---- running ------------------------------------------------------------------------

def own(what, *args):
    if what == "join":
        own_join()
    elif what == "base":
        own_base(*args)
    else:
        raise ValueError(what)


def mend():
    """Whatever a test that failed has left behind."""
    write(SYSFS + "read_timeout_ms", TIMEOUT_MS * harness.SLOW)
    subprocess.run(["on", "2", "ip link set eth0 up"], check=False, capture_output=True)
    soon(lambda: all(p["state"] == "up" for p in peers().values()), 30)


def run(name, fn, seen):
    failed = None
    begin = time.monotonic()
    try:
        fn()
    except Exception as error:      # pylint: disable=broad-except
        failed = error
        frame = error.__traceback__
        while frame.tb_next and frame.tb_next.tb_frame.f_code.co_filename == __file__:
            frame = frame.tb_next
        note("line %d: %s: %s" % (frame.tb_lineno, type(error).__name__, error))
        mend()
    if daemon.process and daemon.process.poll() is None:
        daemon.kill()
    seen, bad = harness.complaints(seen)
    for line in bad:
        note("kernel: " + line)
    note("%s: %.1f s" % (name, time.monotonic() - begin))
    return seen, failed or bad


def main():
    if NODES < 2:
        print("KTAP version 1\n1..0 # SKIP one guest only: tools/vm/run --nodes 2")
        return 0
    print("KTAP version 1\n1..%d" % len(TESTS), flush=True)
    seen = harness.complaints(0)[0]
    for number, (name, fn) in enumerate(TESTS, 1):
        seen, failed = run(name, fn, seen)
        print("%sok %d %s" % ("not " if failed else "", number, name), flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["own"]:
        own(*sys.argv[2:])
        sys.exit(0)
    sys.exit(main())
