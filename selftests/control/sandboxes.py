# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes and bases: made, deduplicated, restored, ended."""

from harness import (ALONE, PAGES, add, check, ctl, daemon, dedup, equal, guests, http, live, read,
                     refused, sandbox, soon, test)


@test("sandbox add, list, show, remove")
def _():
    with guests(1, 2) as (a, b):
        add("one", a, "--domain", "d", "--function", "f")
        add("two", b, "--domain", "d")
        listed = ctl("sandbox", "list", "-j").json()["sandboxes"]
        equal(sorted(s["name"] for s in listed), ["one", "two"])
        one = sandbox("one")
        equal((one["domain"], one["function"], one["state"]), ("d", "f", "warm"))
        equal([p["pid"] for p in one["processes"]], [a.pid])
        text = ctl("sandbox", "list").out
        check("one" in text and str(a.pid) in text and "STATE" in text, text)
        check("warm" in ctl("sandbox", "show", "one").out, "show")
        ctl("sandbox", "remove", "one")
        equal([s["name"] for s in ctl("sandbox", "list", "-j").json()["sandboxes"]], ["two"])
        refused("sandbox", "show", "one", says="one")
        refused("sandbox", "remove", "one", says="one")


@test("sandboxes that can't be")
def _():
    with guests(1) as a:
        refused("sandbox", "add", "x", "--pid", "4194300", says="4194300")
        refused("sandbox", "add", "x", "--pid", "1", says="1")
        refused("sandbox", "add", "x", "--pid", "2", says="kernel thread")
        refused("sandbox", "add", "x", "--pid", str(daemon.process.pid), says="caller")
        refused("sandbox", "add", "bad name", "--pid", str(a.pid), says="bad name")
        refused("sandbox", "add", "x" * 64, "--pid", str(a.pid), says="name")
        refused("sandbox", "add", "x", "--cgroup", "/nowhere", says="nowhere")
        refused("sandbox", "add", "x", "--cgroup", "/tmp", says="/tmp")
        equal(ctl("sandbox", "list", "-j").json()["sandboxes"], [])
        add("x", a)
        with guests(2) as b:
            refused("sandbox", "add", "x", "--pid", str(b.pid), says="x")
            refused("sandbox", "add", "y", "--pid", str(a.pid), says="x")
            refused("sandbox", "add", "y", "--pid", str(b.pid), str(a.pid), says="x")
            equal(len(ctl("sandbox", "list", "-j").json()["sandboxes"]), 1)
            refused("sandbox", "add", "x", "--attach", "--domain", "other", "--pid", str(b.pid),
                    says="domain")
            ctl("sandbox", "add", "x", "--attach", "--pid", str(b.pid))
            equal(sorted(p["pid"] for p in sandbox("x")["processes"]), sorted([a.pid, b.pid]))


@test("a sandbox goes when its processes do")
def _():
    with guests(1) as a:
        add("one", a)
        dedup("one")
        a.kill()
        check(soon(lambda: live() == 0), live(), "pages are left")
        check(soon(lambda: ctl("sandbox", "list", "-j").json()["sandboxes"] == [], 20),
              "it is still listed")


@test("dedup against a base, and back")
def _():
    with guests(1, 2) as (a, b):
        add("one", a, "--domain", "d")
        add("two", b, "--domain", "d")
        base = ctl("base", "add", "one", "--name", "base", "-j").json()
        equal((base["state"], base["base_name"]), ("done", "base"))
        check(base["pages_demarcated"] > 100, base)
        listed = ctl("base", "list", "-j").json()["bases"]
        equal([(x["name"], x["domain"], x["pages"]) for x in listed],
              [("base", "d", base["pages_demarcated"])])
        a.right()
        job = dedup("two")
        check(job["pages_stored"] >= PAGES, job)
        two = sandbox("two")
        equal(two["state"], "dedup")
        # the pages that both are made with are there once
        check(two["stats"]["pages_same"] >= PAGES // 4, two)
        check(two["stats"]["pages_words"] >= PAGES // 4, two)
        check(two["saved_percent"] > 60, two)
        refused("base", "remove", "base", says="base")
        ctl("restore", "two", "--wait")
        equal(sandbox("two")["state"], "warm")
        b.right()
        restored = ctl("restore", "--all", "--wait", "-j").json()
        equal(restored["state"], "done")
        equal(live(), 0)
        a.right()
        check(soon(lambda: all(x["users"] == 0 for x in
                               ctl("base", "list", "-j").json()["bases"])), "bases are used")
        ctl("base", "remove", "base")
        equal(ctl("base", "list", "-j").json()["bases"], [])
        refused("base", "remove", "base", says="base")


@test("without --domain nothing is shared")
def _():
    with guests(1, 1) as (a, b):
        add("one", a)
        add("two", b)
        ctl("base", "add", "one")
        dedup("two")
        one, two = sandbox("one"), sandbox("two")
        check(one["domain"] != two["domain"], one["domain"])
        equal(two["stats"]["pages_same"], 0)
        equal(two["stats"]["pages_words"], 0)
        a.right()
        b.right()


@test("dedup in rounds")
def _():
    with guests(1, 2) as (a, b):
        add("one", a, "--domain", "d")
        add("two", b, "--domain", "d")
        ctl("base", "add", "one")
        for seed in range(3, 7):
            dedup("two")
            before = sandbox("two")["stats"]["scanned"]
            again = dedup("two")
            check(again["pages_scanned"] < PAGES / 4, again)
            check(sandbox("two")["stats"]["scanned"] - before == again["pages_scanned"], again)
            b.fill(seed)
            b.right()


@test("what can't be deduplicated or restored")
def _():
    refused("dedup", "nobody", says="nobody")
    refused("dedup", "nobody", "--wait", says="nobody")
    refused("restore", "nobody", says="nobody")
    refused("base", "add", "nobody", says="nobody")
    refused("base", "remove", "nobody", says="nobody")
    refused("op", "cancel", "99999", says="99999")


@test("dedup without waiting, and the list of operations")
def _():
    with guests(1) as a:
        add("one", a)
        check("job" in ctl("dedup", "one").out, "no job number")
        check(soon(lambda: live() >= ALONE), live(), "pages stored")
        ops = ctl("op", "list", "-j").json()["ops"]
        check(any(op["kind"] == "dedup" and op["state"] == "done" for op in ops), ops)
        check("dedup" in ctl("op", "list").out, "op list")
        op = int(ctl("restore", "one", "-j").json()["op"])
        check(soon(lambda: any(o["id"] == op and o["state"] == "done" for o in
                               ctl("op", "list", "-j").json()["ops"])), "restore does not end")
        refused("op", "cancel", str(op), says="ended")
        a.right()


@test("restore of a working set")
def _():
    with guests(1) as a:
        add("one", a)
        dedup("one")
        equal(ctl("restore", "one", "--working-set", "--wait", "-j").json()["pages_stored"], 0)
        a.right()
        dedup("one")
        before = live()
        job = ctl("restore", "one", "--working-set", "--wait", "-j").json()
        equal((job["kind"], job["state"], job["working_set"]), ("restore", "done", True), job)
        check(0 < job["pages_stored"] <= before, job)
        equal(live(), before - job["pages_stored"])
        equal(sandbox("one")["stats"]["prefetched"], job["pages_stored"])
        a.right()
        dedup("one")
        check("job" in ctl("restore", "one", "--working-set").out, "no job number")
        check("pages" in ctl("restore", "one", "--working-set", "--wait").out, "no sentence")
        status, job = http("POST", "/v1/sandboxes/one/restore", {})
        equal((status, job["kind"], job["working_set"]), (202, "restore", False), job)
        check(soon(lambda: live() == 0), live(), "pages stay away")
        a.right()
    status, answer = http("POST", "/v1/sandboxes/one/restore", {"working_set": "yes"})
    equal(status, 422, answer)
    refused("restore", "nobody", "--working-set", says="nobody")
    refused("restore", "--all", "--working-set", code=2, says="name")


@test("top, and the record of an address")
def _():
    with guests(1) as a:
        add("one", a)
        dedup("one")
        line = [x for x in ctl("top").out.splitlines() if x.startswith("one ")]
        check(len(line) == 1 and "dedup" in line[0], line)
        top = ctl("top", "-j").json()["sandboxes"]
        equal([x["name"] for x in top], ["one"])
        equal(top[0]["faults_per_s"], None)
        areas = [x.split()[0].split("-")[0] for x in read("/proc/%d/maps" % a.pid).splitlines()
                 if x.split()[1] == "rw-p" and x.split()[4] == "0"]
        places = [ctl("record", "one", "0x" + x, "-j").json()["place"] for x in areas]
        check("record" in places, places)
        check("where" in ctl("record", "one", "0x" + areas[0]).out, "text")
        refused("record", "one", "0x10", says="nothing is mapped")
        refused("record", "one", "here", code=2, says="here")
        refused("record", "nobody", "0x10", says="nobody")
