#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""medesctl and medesd end to end, on the module: commands as users type them,
exit codes, messages, JSON, and a daemon that is killed at bad moments.

Each test starts with the module loaded, a fresh medesd and no sandbox, and ends
with nothing of it left. Output is KTAP."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
SELFTEST = os.path.join(HERE, "medes-selftest")
SOCKET = "/run/medes/medesd.sock"
SYSFS = "/sys/kernel/medes/"
CGROUPS = "/sys/fs/cgroup/"
FAIL_DECODE = "/sys/kernel/debug/medes/fail_decode/"
PAGES = 510
MIX = "zswcsw"          # no random pages: all can be stored
ALONE = PAGES // 3      # of these without a base: zeros and compressible ones
SLOW = 5 if os.path.exists("/sys/kernel/debug/kmemleak") else 1

TESTS = []


class Skip(Exception):
    pass


def test(name):
    def register(fn):
        TESTS.append((name, fn))
        return fn
    return register


def note(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


def check(condition, *what):
    assert condition, " ".join(str(w) for w in what)


def equal(got, want, *what):
    check(got == want, *what, "is", repr(got), "- wanted", repr(want))


def soon(condition, seconds=10):
    end = time.monotonic() + seconds * SLOW
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def counter(name):
    return int(read(SYSFS + name))


def live():
    return sum(counter("pages_" + kind) for kind in ("zero", "same", "words", "self", "dict"))


class Result:
    def __init__(self, args, done):
        self.args, self.code = args, done.returncode
        self.out, self.err = done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return "medesctl %s: exit %d\n%s%s" % (" ".join(self.args), self.code, self.out, self.err)


def ctl(*args, code=0):
    """Run medesctl; the exit code must be the one that is expected."""
    done = subprocess.run(["medesctl", *args], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=60 * SLOW)
    result = Result(args, done)
    check(result.code == code, result, "- wanted exit", code)
    if code:
        check(result.err.startswith("medesctl: "), "failed without a message:", result)
    return result


def refused(*args, code=1, says):
    """It fails and says why: every word of "says" is in the message."""
    result = ctl(*args, code=code)
    for word in [says] if isinstance(says, str) else says:
        check(word in result.err, result, "- nothing of", repr(word))
    return result


class Guest:
    """A process with known memory."""

    def __init__(self, seed=1, pages=PAGES, mix=MIX):
        self.process = subprocess.Popen([SELFTEST, "--serve", str(pages), str(seed), mix],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        equal(self.process.stdout.readline(), "ready\n")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        while answer.startswith("#"):
            note(answer[1:])
            answer = self.process.stdout.readline()
        return answer.strip()

    def right(self):
        equal(self.ask("check"), "0", "wrong pages of", self.pid)

    def fill(self, seed):
        equal(self.ask("fill %d" % seed), "filled")

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(), 0, "exit status of a guest")

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def guests(*seeds, **options):
    made = []
    try:
        for seed in seeds:
            made.append(Guest(seed, **options))
        yield made[0] if len(made) == 1 else made
    finally:
        for guest in made:
            guest.kill()


@contextlib.contextmanager
def cgroup(name, *pids):
    path = CGROUPS + name
    os.mkdir(path)
    try:
        for pid in pids:
            write(path + "/cgroup.procs", pid)
        yield path
    finally:
        write(path + "/cgroup.freeze", 0)
        write(path + "/cgroup.kill", 1)
        check(soon(lambda: "populated 0" in read(path + "/cgroup.events")), path, "is not empty")
        os.rmdir(path)


def frozen(path):
    return "frozen 1" in read(path + "/cgroup.events")


class Daemon:
    def __init__(self):
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["medesd"], stderr=subprocess.PIPE, text=True)
        check(soon(self.answers), "medesd does not answer")

    @staticmethod
    def answers():
        try:
            return http("GET", "/v1/status")[1].get("module")
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                equal(self.process.wait(20 * SLOW), 0, "exit status of medesd")
            finally:
                self.process.kill()

    def log(self):
        return self.process.stderr.read()


daemon = Daemon()


def http_raw(request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30 * SLOW)
        s.connect(SOCKET)
        s.sendall(request)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body.strip() else None


def http(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else b""
    return http_raw(b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                    % (method.encode(), path.encode(), len(data), data))


def sandbox(name):
    return ctl("sandbox", "show", name, "-j").json()


def add(name, guest, *options):
    ctl("sandbox", "add", name, "--pid", str(guest.pid), *options)


def dedup(name):
    job = ctl("dedup", name, "--wait", "-j").json()
    equal(job["state"], "done", "job")
    return job


# ---- what the module and the machine are --------------------------------------------

@test("features")
def _():
    facts = ctl("features", "-j").json()
    equal(facts["page_size"], 4096)
    equal(facts["encodings"], ["zero", "same", "words", "self", "dict"])
    check(re.fullmatch("0x[0-9a-f]{16}", facts["instance"]), facts)
    equal(facts["max_device_pages"], counter("max_device_pages"))
    text = ctl("features").out
    check("zero" in text and "instance" in text, text)


@test("help, version, and what is no command")
def _():
    for args in ["--help"], ["-h"], ["sandbox", "--help"]:
        check("usage:" in ctl(*args).out, args)
    check(ctl("--version").out.startswith("medesctl "), "--version")
    for args, says in [(["fly"], "fly"), (["sandbox"], "which"), (["sandbox", "fly"], "which"),
                       (["sandbox", "add", "a"], "missing"), (["dedup"], "missing"),
                       (["dedup", "a", "b"], "too many"), (["stat", "--wait"], "--wait"),
                       (["sandbox", "add", "a", "--pid", "x1"], "x1"),
                       (["sandbox", "add", "a", "--pid", "0"], "0"),
                       (["sandbox", "add", "a", "--pid", "2", "--cgroup", "b"], "either"),
                       (["restore"], "missing"), (["restore", "a", "--all"], "either"),
                       (["op", "cancel", "x"], "x")]:
        refused(*args, code=2, says=says)
    done = subprocess.run(["medesctl"], capture_output=True, text=True, check=False)
    equal(done.returncode, 2, "medesctl alone")
    check("usage:" in done.stderr, done.stderr)


@test("output that can't be written is a failure")
def _():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(["medesctl", "stat"], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    equal(done.returncode, 1, "medesctl stat > /dev/full")
    check("cannot write" in done.stderr, done.stderr)


# ---- sandboxes ----------------------------------------------------------------------

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


# ---- dedup, bases, restore ----------------------------------------------------------

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


# ---- counters -----------------------------------------------------------------------

@test("stat agrees with sysfs and with itself")
def _():
    before = ctl("stat", "-j").json()["stats"]
    with guests(1, 2) as (a, b):
        add("one", a, "--domain", "d")
        add("two", b, "--domain", "d")
        ctl("base", "add", "one")
        dedup("two")
        stat = ctl("stat", "-j").json()
        for name, value in stat["stats"].items():
            equal(value, counter(name), name)
        equal(stat["original_bytes"], live() * 4096)
        equal(stat["kept_bytes"], sum(stat["stats"][k] for k in
                                      ("record_bytes", "device_page_bytes", "base_bytes")))
        check(abs(stat["saved_percent"] - 100 + 100 * stat["kept_bytes"] / stat["original_bytes"])
              < 0.01, stat)
        for key in ("pages_zero", "pages_same", "pages_words", "pages_self", "pages_dict",
                    "stored", "scanned"):
            equal(sandbox("one")["stats"][key] + sandbox("two")["stats"][key],
                  stat["stats"][key] - before[key], key)
        text = ctl("stat").out
        check("saved" in text and "%" in text and "MiB" in text, text)


@test("watch")
def _():
    with guests(1) as a:
        watch = subprocess.Popen(["medesctl", "watch", "-j"], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5 * SLOW)
        add("one", a)
        dedup("one")
        ctl("restore", "one", "--wait")
        time.sleep(0.5 * SLOW)
        watch.send_signal(signal.SIGINT)
        events = [json.loads(line) for line in watch.stdout]
        equal(watch.wait(), 0, "exit of watch")
        kinds = {(e["event"], e.get("op", {}).get("kind")) for e in events}
        check({("op", "dedup"), ("op", "restore"), ("sandbox", None)} <= kinds, kinds)
        states = [e["sandbox"]["state"] for e in events if e["event"] == "sandbox"]
        check("dedup" in states and "warm" in states, states)


@test("diagnose")
def _():
    with guests(1) as a, guests(1) as b:
        add("alone", a)
        findings = ctl("diagnose", "-j").json()["findings"]
        check(any(f["subject"] == "alone" and "no base" in f["what"] for f in findings), findings)
        for f in findings:
            check(f["why"] and f["todo"], f)
        add("other", b)
        found = ctl("diagnose", "alone", "-j").json()["findings"]
        check(not any(f["subject"] == "other" for f in found), found)
        check("do:" in ctl("diagnose").out, "text")
        refused("diagnose", "nobody", says="nobody")


# ---- cgroups, and a daemon that dies ------------------------------------------------

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


# ---- HTTP ---------------------------------------------------------------------------

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


# ---- unload -------------------------------------------------------------------------

@test("unload brings everything back")
def _():
    with guests(1, 2) as (a, b):
        add("one", a, "--domain", "d")
        add("two", b, "--domain", "d")
        ctl("base", "add", "one")
        dedup("two")
        equal(subprocess.run(["rmmod", "medes"], stderr=subprocess.DEVNULL, check=False).returncode,
              1, "rmmod with pages stored")
        stored = live()
        check(stored >= 2 * PAGES, stored)
        done = ctl("unload", "-j").json()
        equal(done["unloaded"], True)
        equal(done["pages_restored"], stored)
        check(not os.path.exists("/sys/module/medes"), "it is still loaded")
        a.right()
        b.right()
        refused("stat", says="modprobe medes")
        refused("unload", says="modprobe medes")
        refused("sandbox", "list", says="module")
        check(any("module" in f["subject"] for f in
                  ctl("diagnose", "-j").json()["findings"]), "diagnose without the module")
        # medesd finds the module when it is back
        subprocess.run(["modprobe", "medes"], check=True)
        check(soon(daemon.answers, 30), "medesd does not find the module")
        add("one", a)
        dedup("one")
        a.right()


@test("unload without memory for the pages is refused")
def _():
    with guests(1, pages=16384, mix="s") as a:
        add("one", a, "--domain", "d")
        ctl("base", "add", "one")
        dedup("one")
        hog = subprocess.Popen(
            ["python3", "-c", "import sys\n"
             "kib = next(int(l.split()[1]) for l in open('/proc/meminfo') if 'MemAvail' in l)\n"
             "held = bytearray((kib - 110 * 1024) * 1024)\n"
             "print('held', flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            equal(hog.stdout.readline(), "held\n")
            stored = live()
            refused("unload", says=["MiB", "free memory"])
            equal(live(), stored)
        finally:
            hog.kill()
            hog.wait()
        ctl("unload")
        a.right()
        subprocess.run(["modprobe", "medes"], check=True)


@test("unload with pages that are lost")
def _():
    if not os.path.exists(FAIL_DECODE):
        raise Skip("this kernel has no fault injection")
    with guests(1) as a:
        add("one", a)
        dedup("one")
        write(FAIL_DECODE + "verbose", 0)
        write(FAIL_DECODE + "times", 2)
        write(FAIL_DECODE + "probability", 100)
        refused("unload", says=["2 pages", "--kill-lost"])
        write(FAIL_DECODE + "probability", 0)
        equal(sandbox("one")["state"], "lost")
        check(a.process.poll() is None, "its owner was killed")
        # what is lost is tried again each time, and fails again
        write(FAIL_DECODE + "times", 2)
        write(FAIL_DECODE + "probability", 100)
        ctl("unload", "--kill-lost")
        equal(a.process.wait(10 * SLOW), -signal.SIGKILL, "status of the owner")
        subprocess.run(["modprobe", "medes"], check=True)


# ---- running them -------------------------------------------------------------------

def complaints(seen):
    """Lines of the kernel's log since "seen" that count as complaints."""
    with open(os.path.join(HERE, "complaints"), encoding="ascii") as file:
        bad = re.compile("|".join(file.read().splitlines()))
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout.splitlines()
    return len(log), [line for line in log[seen:] if bad.search(line)]


def clean_up():
    """Drop everything, end the daemon; what is left then is the test's failure."""
    for one in ctl("sandbox", "list", "-j").json()["sandboxes"]:
        # it may go at any moment, now that its processes have gone
        subprocess.run(["medesctl", "sandbox", "remove", one["name"]], capture_output=True,
                       check=False)
    check(soon(lambda: live() == 0), live(), "pages are stored with no process left")
    for one in ctl("base", "list", "-j").json()["bases"]:
        ctl("base", "remove", one["name"])
    daemon.stop()
    check(soon(lambda: counter("base_bytes") + counter("record_bytes") == 0), "memory is left")


def run(name, fn, seen):
    skipped = None
    failed = False
    start = time.monotonic()
    subprocess.run(["modprobe", "medes"], check=True)
    daemon.start()
    for step in fn, clean_up:
        try:
            step()
        except Skip as reason:
            skipped = str(reason)
        except Exception as error:      # pylint: disable=broad-except
            failed = True
            frame = error.__traceback__
            while frame.tb_next and frame.tb_next.tb_frame.f_code.co_name not in ("check",):
                frame = frame.tb_next
            note("line %d: %s: %s" % (frame.tb_lineno, type(error).__name__, error))
    if failed and daemon.process.poll() is None:
        daemon.kill()
    if failed:
        note(daemon.log())
    seen, bad = complaints(seen)
    for line in bad:
        note("kernel: " + line)
    note("%s: %.1f s" % (name, time.monotonic() - start))
    return seen, failed or bool(bad), skipped


def main():
    chosen = [t for t in TESTS if len(sys.argv) < 2 or t[0] == sys.argv[1]]
    if not chosen:
        print("no test is named", sys.argv[1], file=sys.stderr)
        return 2
    print("KTAP version 1\n1..%d" % len(chosen), flush=True)
    seen = complaints(0)[0]
    for number, (name, fn) in enumerate(chosen, 1):
        seen, failed, skipped = run(name, fn, seen)
        print("%sok %d %s%s" % ("not " if failed else "", number, name,
                                " # SKIP " + skipped if skipped and not failed else ""), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
