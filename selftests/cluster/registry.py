#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The registry in a Valkey cluster, under two nodes that use it: guest 1 is n1, deduplicates and serves, and has
the servers; guest 2 is n2, and owns the base. Whatever becomes of the servers, deduplication goes
on, no page is wrong and no request fails; and when they are well again, the other node's base is found again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import daemons
import valkeys
from nodes import DOMAIN, MIX, PAGES, PATIENCE_MS, SEED, TESTS, base, empty_cache, main, on, test, wait_for_nodes
import harness
from harness import check, counter, ctl, daemon, dedup, equal, guests, http, note, soon

TESTS.clear()           # those of daemons.py
NOOP = os.path.join(harness.TESTS_DIRECTORY, "noop")
DAEMONS = os.path.realpath(daemons.__file__)
SHARED = "shared@n2"
BASES = "medes:test:{bases}"
# a busy guest may keep its leader from the servers for a while
daemons.CONFIG = daemons.CONFIG.replace("Interval=", "Lease=20s\nInterval=")
daemons.CONFIG += """[Registry]
Engine=valkey
Servers=%s
User=medes
PasswordFile=/etc/medes/valkey.password
Timeout=2s
Cache=0
ImportAfter=300
""" % " ".join("%s:%d" % (valkeys.HERE, port) for port in valkeys.PORTS)


def status():
    return http("GET", "/v1/status")[1]


def engine():
    return status()["registry"]["engine"]


def directory():
    """What the bases in it are, by their number."""
    try:
        fields = valkeys.read("HGETALL", BASES)
    except (OSError, valkeys.Error, IndexError, AssertionError):    # nobody has it just now
        return {}
    return {k: v.split() for k, v in zip(fields[::2], fields[1::2]) if len(v.split()) == 4}


def owners():
    return sorted(node for _, _, node, _ in directory().values())


def invoke():
    """The status of an answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60 * harness.SLOW)
        s.connect(harness.SOCKET)
        s.sendall(b"GET /v1/functions/web/invoke/ HTTP/1.0\r\n\r\n")
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return int(answer.split()[1])


@contextlib.contextmanager
def serving():
    """Requests, one after the other, all of which must be answered."""
    answers, end = [], threading.Event()

    def ask():
        while not end.is_set():
            answers.append(invoke())

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield
    finally:
        end.set()
        asker.join()
    check(len(answers) > 3, answers)
    equal(set(answers), {200}, "answers to", len(answers), "requests")


@contextlib.contextmanager
def node():
    """n1's daemon with a function, and a sandbox that is like the base of n2."""
    daemon.start()
    web = {"command": [NOOP], "start_timeout_ms": 60000, "request_timeout_ms": 60000}
    # it is refused until this node leads
    check(soon(lambda: http("PUT", "/v1/functions/web", web)[0] in (200, 201), 90), status()["cluster"])
    with guests(SEED, pages=PAGES, mix=MIX) as guest:
        ctl("sandbox", "add", "near", "--pid", str(guest.pid), "--domain", DOMAIN)
        yield guest
        ctl("sandbox", "remove", "near")
    http("DELETE", "/v1/functions/web")
    daemon.stop()


def users():
    return base(SHARED)["users"] if SHARED in daemons.bases() else 0


def dedup_again(guest):
    """All of it comes back, and goes again: how many pages were stored, and of them, how many refer to
    the other node's base; how long it took. A page whose base page cannot be fetched in time stays."""
    ctl("restore", "near", "--wait")
    guest.right()
    begin = time.monotonic()
    stored = dedup("near")["pages_stored"]
    return stored, users(), time.monotonic() - begin


def found_again(guest):
    stored, refer, _ = dedup_again(guest)
    return stored >= PAGES - 2 and refer >= PAGES // 2


def whatever_happens(guest, happens, well):
    """Before, while and after it is so."""
    check(soon(lambda: engine()["state"] == "up", 60), engine())
    check(soon(lambda: found_again(guest), 120), users(), engine())
    with serving():
        happens()
        stored, refer, seconds = dedup_again(guest)
        note("meanwhile: %d pages stored, %d refer to the other node's base, %.1f s, engine %s" %
             (stored, refer, seconds, engine()["state"]))
        check(stored >= PAGES // 2, stored, "pages stored")
        empty_cache()
        guest.right()
        well()
        check(soon(lambda: found_again(guest), 120), users(), engine())
        guest.right()
    check(soon(lambda: engine()["state"] == "up", 60), engine())


@test("daemons and servers find each other")
def _():
    subprocess.run(["medesctl", "cluster", "init", "test", "--dir", daemons.PKI], check=True,
                   stdout=subprocess.DEVNULL)
    for one in 1, 2:
        daemons.set_up(one)
        daemons.put(one, "/etc/medes/valkey.password", valkeys.PASSWORD.encode())
    # functions are told to the one that leads: this one
    on(2, "sed -i '/^Lease=/aCandidate=no' /etc/medes/medesd.conf")
    wait_for_nodes(PATIENCE_MS)
    valkeys.start()
    daemons.start_there()
    daemon.start()
    check(soon(lambda: daemons.node("n2")["state"] == "up" and engine()["state"] == "up", 60), engine())
    daemon.stop()


@test("a base is imported when look-ups miss it, and its pages are not read for that")
def _():
    with node() as guest:
        on(2, "python3", DAEMONS, "base", "shared", str(SEED))
        check(soon(lambda: owners() == ["n2"], 60), directory())
        check(soon(lambda: engine()["shared_bases"] == 1 and daemons.node("n2")["bases"] == 1, 30), engine())
        # it is offered, of a domain that is here; nobody has asked for what it has
        time.sleep(1)
        check(SHARED not in daemons.bases(), daemons.bases())
        dedup("near")
        check(engine()["counts"]["foreign"] >= 300, engine())
        check(soon(lambda: SHARED in daemons.bases() and daemons.is_ready(SHARED), 30), daemons.bases())
        check(base(SHARED)["pages"] > 0)
        check(users() or not counter("remote_pages"), counter("remote_pages"), "pages were read")
        check(soon(lambda: found_again(guest), 60), users(), engine())
        empty_cache()
        guest.right()
        check(counter("remote_pages") >= PAGES // 2, counter("remote_pages"))


@test("a primary is killed and its replica takes over")
def _():
    primary, _ = valkeys.owner("medes:test:{1}0")
    with node() as guest:
        whatever_happens(guest, lambda: valkeys.kill(primary), lambda: None)
        valkeys.back(primary)


@test("a failover loses the last write")
def _():
    primary, replica = valkeys.owner(BASES)

    def lose():
        valkeys.signal_to(replica, signal.SIGSTOP)
        valkeys.say(primary, "CLIENT", "KILL", "TYPE", "replica")
        on(2, "python3", DAEMONS, "base", "late", str(SEED + 1))
        check(soon(lambda: owners() == ["n2", "n2"], 60), directory())
        valkeys.kill(primary)
        valkeys.signal_to(replica, signal.SIGCONT)

    with node() as guest:
        whatever_happens(guest, lose, lambda: None)
        # who has lost it enters it again
        check(soon(lambda: valkeys.owner(BASES)[0] == replica and owners() == ["n2", "n2"], 60), directory())
        valkeys.back(primary)


@test("servers are slow")
def _():
    with node() as guest:
        whatever_happens(guest, lambda: valkeys.on_primaries("CLIENT", "PAUSE", 8000, "ALL"), lambda: None)


@test("servers are full")
def _():
    def full():
        valkeys.on_primaries("CONFIG", "SET", "maxmemory", 1)
        on(2, "python3", DAEMONS, "base", "third", str(SEED + 2))

    with node() as guest:
        whatever_happens(guest, full, lambda: valkeys.on_primaries("CONFIG", "SET", "maxmemory", 0))
        check(soon(lambda: len(owners()) == 3, 60), directory())


@test("the password is another one")
def _():
    def change(password):
        for port in valkeys.SERVERS:
            valkeys.say(port, "ACL", "SETUSER", "medes", "resetpass", ">" + password)
            valkeys.say(port, "CLIENT", "KILL", "USER", "medes")

    def wrong():
        change("another")
        check(soon(lambda: "WRONGPASS" in (engine()["error"] or ""), 60), engine())

    with node() as guest:
        whatever_happens(guest, wrong, lambda: change(valkeys.PASSWORD))


@test("everything is flushed")
def _():
    before = directory()
    with node() as guest:
        whatever_happens(guest, lambda: valkeys.on_primaries("FLUSHALL"), lambda: None)
        check(soon(lambda: len(owners()) == len(before), 60), directory())


@test("the clock steps forth and back")
def _():
    with node() as guest:
        check(soon(lambda: status()["cluster"]["leader"], 60), status())
        before = status()["cluster"]
        whatever_happens(guest, lambda: subprocess.run(["date", "-s", "+2 hours"], check=True),
                         lambda: subprocess.run(["date", "-s", "-2 hours"], check=True))
        after = status()["cluster"]
        equal((after["leader"], after["epoch"]), (before["leader"], before["epoch"]))
        check(all(n["alive"] for n in after["nodes"]), after)


@test("all of it is gone")
def _():
    with node() as guest, serving():
        check(soon(lambda: found_again(guest), 120), users(), engine())
        for port in valkeys.SERVERS:
            valkeys.signal_to(port, signal.SIGSTOP)
        stored, refer, seconds = dedup_again(guest)
        note("meanwhile: %d pages stored, %d refer to the other node's base, %.1f s" % (stored, refer, seconds))
        check(stored >= PAGES // 2, stored, "pages stored")
        check(engine()["state"] != "up", engine())
        guest.right()
        for port in valkeys.SERVERS:
            valkeys.signal_to(port, signal.SIGCONT)
        check(soon(lambda: found_again(guest), 120), users(), engine())


@test("a node that died for good is forgotten, and what it had entered goes")
def _():
    with node() as guest:
        ctl("restore", "near", "--wait")
        subprocess.run(["vm-kill", "2"], check=True)
        check("n2" in owners(), directory())
        ctl("node", "forget", "n2")
        check(soon(lambda: "n2" not in owners(), 60), directory())
        check(dedup("near")["pages_stored"] > 0)
        guest.right()
    valkeys.stop()


if __name__ == "__main__":
    sys.exit(main(2))
