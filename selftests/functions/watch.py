# SPDX-License-Identifier: GPL-2.0-or-later
"""Adopted sandboxes of which nobody says when they are used."""

import contextlib
import os
import subprocess
import time

from harness import (CGROUPS, TESTS_DIRECTORY, Skip, boxes, daemon, equal, events, live, lives, read, request, soon,
                     test)

PATH = CGROUPS + "functions-guest"
# where libbpf looks for the kernel's types
BTF = ["/sys/kernel/btf", os.path.realpath(f"/lib/modules/{os.uname().release}/build")]


def join(pid):
    with open(PATH + "/inner/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(pid))


@contextlib.contextmanager
def guest():
    """A process with pages worth deduplicating, in a cgroup below the one that is adopted."""
    os.makedirs(PATH + "/inner")
    process = subprocess.Popen([os.path.join(TESTS_DIRECTORY, "medes-selftest"), "--serve", "510", "1", "zswcsw"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        equal(process.stdout.readline(), "ready\n")
        join(process.pid)
        request("PUT", "/v1/functions/guest", {})
        yield process
    finally:
        process.kill()
        process.wait()
        soon(lambda: "populated 0" in read(PATH + "/cgroup.events"), "empty")
        os.rmdir(PATH + "/inner")
        os.rmdir(PATH)


def adopt():
    status, _, answer = request("POST", "/v1/functions/guest/adopt", {"name": "mine", "cgroup": PATH, "watch": True})
    equal((status, answer.get("watched")), (201, True), answer)


def check(process):
    process.stdin.write("check\n")
    process.stdin.flush()
    equal(process.stdout.readline(), "0\n", "wrong pages")


def asleep():
    soon(lambda: lives("guest") == ["dedup"], "deduplicated, and nobody has said anything")
    assert live() > 100, live()
    # so it would answer
    assert "frozen 0" in read(PATH + "/cgroup.events")


def comes_and_goes(source):
    with guest() as process, events() as seen:
        adopt()
        asleep()
        watching = request("GET", "/v1/status")[2]["watching"]
        equal((watching["source"], watching["sandboxes"]), (source, 1), watching)
        # it ran when it was adopted, too
        before = len(seen)
        check(process)
        soon(lambda: any(kind == "sandbox" and data["life"] == "running" for kind, data in seen[before:]), "seen running")
        asleep()
        # it is in use for as long as something in it runs
        with subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) as busy:
            join(busy.pid)
            soon(lambda: lives("guest") == ["running"], "seen running")
            time.sleep(1.5)
            equal(lives("guest"), ["running"])
            busy.kill()
        asleep()
        daemon.kill()
        daemon.again()
        equal((lives("guest"), boxes("guest")[0]["watched"]), (["dedup"], True))
        answer = request("POST", "/v1/sandboxes/mine/acquire", {})[2]
        equal((answer["sandbox"], answer["start"]), ("mine", "dedup"))
        check(process)
        time.sleep(1)
        equal(lives("guest"), ["running"], "what is acquired")
        equal(request("POST", "/v1/sandboxes/mine/release")[0], 200)
        asleep()
        equal(request("DELETE", "/v1/functions/guest")[0], 200)
        soon(lambda: request("GET", "/v1/status")[2]["watching"]["sandboxes"] == 0, "watched no more")
        check(process)
    return watching["why"]


@test("a watched sandbox sleeps and wakes with nobody telling, by eBPF")
def _():
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        raise Skip("this kernel has no BTF")
    equal(comes_and_goes("ebpf"), None)
    assert "polling cpu.stat" not in daemon.log_text()


@test("a watched sandbox sleeps and wakes with nobody telling, by cpu.stat", more="[Functions]\nEbpf=no\n")
def _():
    equal(comes_and_goes("cpu.stat"), "Ebpf=no")


@test("without BTF watched sandboxes are polled, and medesd says so")
def _():
    hidden = [path for path in BTF if os.path.isdir(path)]
    for path in hidden:
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    try:
        with guest():
            adopt()
            asleep()
    finally:
        for path in hidden:
            subprocess.run(["umount", path], check=True)
    watching = request("GET", "/v1/status")[2]["watching"]
    equal(watching["source"], "cpu.stat")
    assert "BTF" in watching["why"], watching
    equal(daemon.log_text().count("polling cpu.stat"), 1)
    text = subprocess.run(["medesctl", "status"], capture_output=True, text=True, check=True).stdout
    assert "cpu.stat" in text and "BTF" in text, text


@test("only a cgroup can be watched")
def _():
    request("PUT", "/v1/functions/guest", {})
    status, _, answer = request("POST", "/v1/functions/guest/adopt", {"name": "mine", "pids": [os.getpid()], "watch": True})
    equal(status, 422)
    assert "only a cgroup can be watched" in answer["error"], answer
