#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bases on other nodes, end to end: two guests, soft RoCE between them. Guest 1 reads, guest 2
owns the bases; the last test cuts its power."""

import json
import signal
import subprocess
import sys
import time

from nodes import (
    DOMAIN, KEY, KEY_FILE, MIX, PAGES, PATIENCE_MS, SEED, TIMEOUT_MS, address, base, cut, empty_cache,
    join, main, mend, on, peer_state, peers, refusals, reload, replica_states, test, there,
    wait_for_nodes)
import harness
from harness import (
    SYSFS, check, counter, ctl, daemon, dedup, equal, guests, live, note, refused, sandbox, soon,
    write)

# ---- set-up -------------------------------------------------------------------------

EXPORTED = {}


@test("without a cluster a node works alone and says so")
def _():
    reload()
    facts = ctl("cluster", "show", "-j").json()
    check("name" not in facts and not facts["listening"], facts)
    equal(facts["devices"], 1, "RDMA devices")
    refused("peer", "add", address(2), says="cluster")
    there(2, "join")


@test("a stranger is refused and counted: another key, another cluster")
def _():
    before = refusals(2)
    # who has not the key sees by himself that the owner has another
    for key, cluster, counted in [("f" * 32, "test", None), (KEY, "other", "refused_cluster")]:
        reload()
        join(1, key=key, cluster=cluster)
        ctl("peer", "add", address(2))
        check(soon(lambda: peer_state(2) == "refused"), peers())
        check("error" in peers()[address(2)], peers())
        if counted:
            after = refusals(2)
            check(after[counted] > before[counted], counted, after)
    reload()


@test("a node joins once, before it has anything")
def _():
    with guests(1) as guest:
        daemon.start()
        ctl("sandbox", "add", "x", "--pid", str(guest.pid))
        write(KEY_FILE, KEY)
        refused("cluster", "join", "test", "node1", "--key", KEY_FILE, says="before")
        ctl("sandbox", "remove", "x")
        daemon.stop()
    write("/tmp/short.key", "short")
    refused("cluster", "join", "test", "node1", "--key", "/tmp/short.key", says="16")
    join(1)
    join(1)
    refused("cluster", "join", "other", "node1", "--key", KEY_FILE, says="unload")
    ctl("peer", "add", address(2))
    refused("peer", "add", address(2), says="known")
    check(soon(lambda: peer_state(2) == "up"), peers())
    equal(peers()[address(2)]["name"], "node2")


@test("a base is exported and imported")
def _():
    daemon.start()
    EXPORTED[2] = there(2, "base", "shared", str(SEED), str(PAGES), MIX)
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
        wait_for_nodes(TIMEOUT_MS)
        cut()
        check(soon(lambda: peer_state(2) == "down"), peers())
        time.sleep(5 * TIMEOUT_MS / 1000 * harness.SLOW)
        mend()
        wait_for_nodes(PATIENCE_MS)
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
        cut()
        guest.process.stdin.write("mmap\n")
        guest.process.stdin.flush()
        time.sleep(3)
        mend()
        wrong, longest, late, many = map(int, guest.process.stdout.readline().split())
        equal(wrong, 0, "wrong pages")
        note("%d mmap()s, %d of them over 100 ms, the longest %d ms" % (many, late, longest))
        check(many > 20, many, "mmap()s while a READ was stalled")
        # the other thread waits three seconds for its READ. Who waits with it takes that long, once,
        # and maps nothing meanwhile; the machine that emulates us may hold up one or two
        check(longest < 1000 * harness.SLOW and late * 20 <= many, late, "of", many, "mmap()s over 100 ms")
        ctl("sandbox", "remove", "wait")
    daemon.stop()


@test("SIGKILL ends a process that waits for another node; others end as ever")
def _():
    daemon.start()
    with guests(SEED, SEED, pages=PAGES, mix=MIX) as (waits, ends):
        for name, guest in ("waits", waits), ("ends", ends):
            ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", DOMAIN)
            dedup(name)
        empty_cache()
        cut()
        waits.process.stdin.write("check\n")
        waits.process.stdin.flush()
        time.sleep(1)
        begin = time.monotonic()
        waits.kill()
        ends.kill()
        took = time.monotonic() - begin
        mend()
        check(took < 5 * harness.SLOW, took, "seconds to die")
        check(soon(lambda: live() == 0), live(), "pages stay")
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
        there(2, "join")
        check(soon(lambda: replica_states("shared") == ["refused"], 30), base("shared"))
        # what is in the cache serves still
        guest.right()
        ctl("sandbox", "remove", "gone")
    ctl("base", "remove", "shared")
    EXPORTED[2] = there(2, "base", "shared", str(SEED), str(PAGES), MIX)
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
        wait_for_nodes(TIMEOUT_MS)
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


if __name__ == "__main__":
    sys.exit(main(2))
