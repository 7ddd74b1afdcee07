#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What daemons make of each other's bases: two guests, a medesd on each, certificates. Guest 1 is
node n1 and reads; guest 2 is n2, and owns the base until it is drained and forgotten.

    daemons.py base NAME SEED       n2's part: a base of a process that ends"""

import base64
import os
import subprocess
import sys

from nodes import (
    DOMAIN, MIX, PAGES, PATIENCE_MS, SEED, address, base, empty_cache, main, on, peers, replica_states,
    test, wait_for_nodes)
from harness import (
    check, counter, ctl, daemon, dedup, equal, guests, live, note, refused, soon)

PKI = "/tmp/pki"
FILES = "/etc/medes/cluster/"
CONFIG = """[Cluster]
Name=test
Node=n%(node)d
Key=/etc/medes/cluster/cluster.key
Certificates=/etc/medes/cluster
Listen=10.77.0.%(node)d:7171
Interval=1s
[Node n1]
Address=10.77.0.1
[Node n2]
Address=10.77.0.2
"""


def put(node, path, content):
    text = base64.b64encode(content).decode()
    on(node, "umask 077; mkdir -p %s; base64 -d <<< %s > %s" % (os.path.dirname(path), text, path))


def set_up(node):
    subprocess.run(["medesctl", "cluster", "certificate", "n%d" % node, "--dir", PKI], check=True,
                   stdout=subprocess.DEVNULL)
    for name in "ca.pem", "cluster.key", "n%d.pem" % node, "n%d.key" % node:
        with open(os.path.join(PKI, name), "rb") as file:
            put(node, FILES + name, file.read())
    put(node, "/etc/medes/medesd.conf", (CONFIG % {"node": node}).encode())
    on(node, "modprobe -r medes; modprobe medes")


def start_there():
    on(2, "setsid medesd > /run/medesd.log 2>&1 < /dev/null & echo $! > /run/medesd.pid")


def stop_there():
    on(2, "kill $(cat /run/medesd.pid); while kill -0 $(cat /run/medesd.pid) 2> /dev/null; do sleep 0.1; done")


def node(name):
    return {n["name"]: n for n in ctl("node", "list", "-j").json()["nodes"]}.get(name)


def bases():
    return {b["name"]: b for b in ctl("base", "list", "-j").json()["bases"]}


def is_ready(name):
    """It can be read, and its node is there, so that new records may refer to it."""
    return name in bases() and "ready" in replica_states(name) and node("n2")["state"] == "up"


@test("daemons find each other, and their kernels too")
def _():
    subprocess.run(["medesctl", "cluster", "init", "test", "--dir", PKI], check=True,
                   stdout=subprocess.DEVNULL)
    for one in 1, 2:
        set_up(one)
    wait_for_nodes(PATIENCE_MS)
    start_there()
    daemon.start()
    check(soon(lambda: node("n2")["state"] == "up" and node("n2")["rdma"] == "up", 30), node("n2"))
    daemon.stop()


@test("a base that was made there is found, used and read here")
def _():
    daemon.start()
    on(2, "python3", os.path.realpath(__file__), "base", "shared", str(SEED))
    # nobody here could use it
    check(soon(lambda: node("n2")["bases"] == 1, 30), node("n2"))
    check("shared@n2" not in bases(), bases())
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "near", "--pid", str(guest.pid), "--domain", DOMAIN)
        check(soon(lambda: is_ready("shared@n2"), 30), bases(), node("n2"))
        check(dedup("near")["pages_stored"] >= PAGES - 2)
        check(base("shared@n2")["users"] >= PAGES // 2, base("shared@n2"))
        empty_cache()
        guest.right()
        check(peers()[address(2)]["pages"] >= PAGES // 2, peers())
        ctl("sandbox", "remove", "near")
    # and nobody can any more
    check(soon(lambda: "shared@n2" not in bases(), 30), bases())
    daemon.stop()


@test("a daemon that is away gets no new records; what it has serves on")
def _():
    daemon.start()
    with guests(SEED, SEED, pages=PAGES, mix=MIX) as (first, second):
        ctl("sandbox", "add", "first", "--pid", str(first.pid), "--domain", DOMAIN)
        check(soon(lambda: is_ready("shared@n2"), 30), bases())
        dedup("first")
        stop_there()
        check(soon(lambda: node("n2")["state"] == "away", 30), node("n2"))
        users = base("shared@n2")["users"]
        ctl("sandbox", "add", "second", "--pid", str(second.pid), "--domain", DOMAIN)
        dedup("second")
        equal(base("shared@n2")["users"], users, "records")
        empty_cache()
        first.right()
        second.right()
        start_there()
        check(soon(lambda: node("n2")["state"] == "up", 30), node("n2"))
        ctl("sandbox", "remove", "first")
        ctl("sandbox", "remove", "second")
    daemon.stop()


@test("a base is copied, its node drained and forgotten, and nothing is lost")
def _():
    daemon.start()
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "moved", "--pid", str(guest.pid), "--domain", DOMAIN)
        check(soon(lambda: is_ready("shared@n2"), 30), bases())
        dedup("moved")
        users = base("shared@n2")["users"]
        refused("node", "forget", "n2", says=["records", "drain"])
        refused("base", "replicate", "shared@n2", "--to", "n9", says="n9")
        ctl("base", "replicate", "shared@n2", "--to", "n1")
        ctl("base", "replicate", "shared@n2", "--to", "n1")
        equal(bases()["shared+copy"]["pages"], base("shared@n2")["pages"])
        # this node reads what it has itself
        check(soon(lambda: replica_states("shared@n2") == ["ready", "ready"], 30), base("shared@n2"), peers())
        note(ctl("node", "drain", "n2", "--wait").out)
        equal(base("shared@n2")["users"], users, "records")
        equal(replica_states("shared@n2"), ["ready"])
        ctl("node", "forget", "n2")
        check(node("n2") is None and address(2) not in peers(), peers())
        # nobody there is needed any more
        stop_there()
        on(2, "modprobe -r medes")
        empty_cache()
        guest.right()
        equal(counter("losses"), 0, "losses")
        ctl("sandbox", "remove", "moved")
    check(soon(lambda: live() == 0), live(), "pages stay")
    daemon.stop()


def tidy():
    """What comes next in these guests knows nothing of a cluster."""
    for one in 1, 2:
        on(one, "rm -rf /etc/medes/medesd.conf %s; modprobe -r medes" % FILES)


def make_base(name, seed):
    with guests(int(seed), pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", DOMAIN)
        ctl("base", "add", name, "--name", name)
        ctl("sandbox", "remove", name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["base"]:
        make_base(*sys.argv[2:])
        sys.exit(0)
    status = main(2)
    tidy()
    sys.exit(status)
