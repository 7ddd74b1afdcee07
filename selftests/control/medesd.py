# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon that dies, what it had frozen or changed then, and what it refuses."""

import os
import re
import subprocess
import time

from harness import (ALONE, PAGES, SLOW, SOCKET, add, cgroup, check, ctl, daemon, dedup, equal,
                     frozen, guests, http, http_raw, live, read, refused, sandbox, soon, test,
                     write)


def oom(guest):
    return int(read("/proc/%d/oom_score_adj" % guest.pid))


@test("oom_score_adj of what is deduplicated, also after medesd was killed")
def _():
    total = int(re.search(r"MemTotal: +([0-9]+)", read("/proc/meminfo"))[1]) >> 2
    with guests(1, pages=4 * PAGES) as a:
        write("/proc/%d/oom_score_adj" % a.pid, 100)
        add("one", a)
        dedup("one")
        want = 100 - live() * 1000 / total
        check(soon(lambda: abs(oom(a) - want) <= 1), oom(a), want)
        check(oom(a) < 100, "too little was stored to see anything")
        daemon.kill()
        check(oom(a) < 100, oom(a))
        daemon.start()
        time.sleep(1)
        check(abs(oom(a) - want) <= 1, oom(a), want)
        ctl("restore", "one", "--wait")
        check(soon(lambda: oom(a) == 100), oom(a))
        dedup("one")
        check(soon(lambda: oom(a) < 100), oom(a))
        write("/proc/%d/oom_score_adj" % a.pid, 500)
        check(soon(lambda: oom(a) < 500, 20), "another value counts as what it had", oom(a))
        daemon.stop()
        equal(oom(a), 500)
        daemon.start()
        a.right()


@test("a sandbox made of a cgroup")
def _():
    with guests(1, 2, 3) as all_of, cgroup("sandbox", *(g.pid for g in all_of)) as path:
        ctl("sandbox", "add", "one", "--cgroup", path, "--domain", "d")
        equal(sorted(p["pid"] for p in sandbox("one")["processes"]),
              sorted(g.pid for g in all_of))
        check(not frozen(path), "frozen after add")
        equal(sandbox("one")["cgroup"], path)
        job = dedup("one")
        check(job["pages_stored"] >= 3 * ALONE, job)
        check(not frozen(path), "frozen after dedup")
        for guest in all_of:
            guest.right()
        # a process that came later is covered
        with guests(4) as late:
            write(path + "/cgroup.procs", late.pid)
            ctl("sandbox", "add", "one", "--cgroup", path, "--attach")
            equal(len(sandbox("one")["processes"]), 4)
            late.right()


@test("what somebody else froze stays frozen")
def _():
    with guests(1) as a, cgroup("sandbox", a.pid) as path:
        ctl("sandbox", "add", "one", "--cgroup", path)
        write(path + "/cgroup.freeze", 1)
        check(soon(lambda: frozen(path)), "it does not freeze")
        dedup("one")
        check(frozen(path), "thawed")
        check(live() >= ALONE, live())
        write(path + "/cgroup.freeze", 0)
        a.right()


@test("medesd is killed and started again")
def _():
    with guests(1, 2) as (a, b):
        add("one", a, "--domain", "d", "--function", "f")
        ctl("base", "add", "one", "--name", "base")
        before = live()
        daemon.kill()
        refused("sandbox", "list", says="medesd")
        equal(live(), before)
        # the module's own commands need no daemon
        equal(ctl("stat", "-j").json()["original_bytes"], before * 4096)
        daemon.start()
        one = sandbox("one")
        equal((one["domain"], one["function"]), ("d", "f"))
        equal([x["name"] for x in ctl("base", "list", "-j").json()["bases"]], ["base"])
        status = http("GET", "/v1/status")[1]
        check(status["registry"]["pages"] > 0, status)
        add("two", b, "--domain", "d")
        dedup("two")
        check(sandbox("two")["stats"]["pages_same"] >= PAGES // 4, sandbox("two"))
        daemon.kill()
        a.right()
        b.right()
        ctl("restore", "--all", "--wait")
        equal(live(), 0)
        daemon.start()


def kill_while_frozen(path):
    """Start a dedup and kill medesd at the moment that the cgroup is frozen."""
    ctl("dedup", "one")
    check(soon(lambda: frozen(path)), "it was never frozen")
    daemon.kill()
    check(frozen(path), "it was thawed before medesd could be killed")


@test("medesd is killed while a cgroup is frozen; thawing is enough")
def _():
    with guests(1, pages=8192) as a, cgroup("sandbox", a.pid) as path:
        ctl("sandbox", "add", "one", "--cgroup", path)
        kill_while_frozen(path)
        write(path + "/cgroup.freeze", 0)
        a.right()
        daemon.start()
        dedup("one")
        a.right()


@test("medesd is killed while a cgroup is frozen; the next one thaws it")
def _():
    with guests(1, pages=8192) as a, cgroup("sandbox", a.pid) as path:
        ctl("sandbox", "add", "one", "--cgroup", path)
        kill_while_frozen(path)
        daemon.start()
        check(soon(lambda: not frozen(path)), "it stays frozen")
        a.right()


@test("two daemons")
def _():
    second = subprocess.run(["medesd"], capture_output=True, text=True, timeout=30 * SLOW,
                            check=False)
    equal(second.returncode, 1, "a second medesd")
    check(SOCKET in second.stderr, second.stderr)
    equal(ctl("sandbox", "list", "-j").json()["sandboxes"], [])


@test("requests that medesd refuses")
def _():
    with guests(1) as a:
        for method, path, body, want in [
                ("GET", "/v1/nothing", None, 404), ("GET", "/", None, 404),
                ("PUT", "/v1/sandboxes", {}, 405), ("GET", "/v1/sandboxes/nobody", None, 404),
                ("POST", "/v1/sandboxes", [], 400), ("POST", "/v1/sandboxes", {}, 400),
                ("POST", "/v1/sandboxes", {"name": 1}, 400),
                ("POST", "/v1/sandboxes", {"name": "a", "pids": ["x"]}, 400),
                ("POST", "/v1/sandboxes", {"name": "a", "pids": [-1]}, 400),
                ("POST", "/v1/sandboxes", {"name": "a", "pids": [a.pid], "colour": "red"}, 400),
                ("POST", "/v1/sandboxes", {"name": "../a", "pids": [a.pid]}, 400),
                ("GET", "/v1/jobs/99", None, 404), ("DELETE", "/v1/bases/nobody", None, 404)]:
            status, answer = http(method, path, body)
            equal(400 if status == 422 else status, want, method, path, body)
            check(answer and answer["error"], method, path, "refused without a reason")
        status, answer = http_raw(b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                  b"Content-Length: 5\r\n\r\n{not}")
        equal(status // 100, 4, "no JSON")
        check(answer["error"], "no reason")
        equal(ctl("sandbox", "list", "-j").json()["sandboxes"], [])
        equal(os.stat(SOCKET).st_mode & 0o077, 0, "others' rights on the socket")
