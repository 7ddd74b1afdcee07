# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes that go to sleep by the policy and answer out of it."""

import os
import signal
import subprocess
import time

from harness import (CGROUPS, TESTS_DIRECTORY, ask, boxes, daemon, equal, lives, live, note, put_keeper, put_node,
                     put_python, python_answer, read, request, several, sleep, soon, test)

@test("a Node.js function sleeps by the policy, and answers out of it")
def _():
    put_node()
    ask("node", 1, "cold")
    ask("node", 2, "warm")
    sleep("node")
    assert live() > 500, live()
    for round_ in range(3):
        ask("node", 10 + round_, "dedup")
        ask("node", 20 + round_, "warm")
        sleep("node")
    facts = request("GET", "/v1/functions/node")[2]["invocations"]
    equal((facts["cold"], facts["dedup"], facts["failed"], facts["refused"]), (1, 3, 0, 0))


@test("the demo's functions sleep by the policy, and answer out of it")
def _():
    for name in ("vanilla", "html"):
        want = python_answer(name, 7)
        put_python(name)
        ask(name, 7, "cold", want)
        sleep(name)
        ask(name, 7, "dedup", want)


@test("sandboxes of a function share a base")
def _():
    put_keeper(policy={"base_threshold": "2"})
    several("keeper", 3, 5)
    sleep("keeper", 3)
    soon(lambda: request("GET", "/v1/bases")[2]["bases"], "a base")
    base = request("GET", "/v1/bases")[2]["bases"][0]
    equal((base["function"], base["domain"]), ("keeper", "default"))
    assert base["users"] > 0, base
    text = subprocess.run(["medesctl", "policy", "explain", "keeper"], capture_output=True, text=True,
                          check=True).stdout
    assert "3 deduplicated" in text, text
    note(text)
    held = []
    for seed in range(3):
        ask("keeper", seed, "dedup")
        held.append(request("POST", "/v1/functions/keeper/acquire", {})[2]["sandbox"])
    equal(len(set(held)), 3)


@test("a sandbox that dies while it sleeps is forgotten")
def _():
    put_keeper()
    ask("keeper", 1)
    sleep("keeper")
    os.kill(boxes("keeper")[0]["pid"], signal.SIGKILL)
    soon(lambda: not boxes("keeper"), "forgotten")
    soon(lambda: not live(), "records freed")
    ask("keeper", 2, "cold")


@test("an adopted sandbox sleeps when released and wakes when acquired")
def _():
    request("PUT", "/v1/functions/guest", {})
    path = CGROUPS + "functions-guest"
    os.mkdir(path)
    process = subprocess.Popen([os.path.join(TESTS_DIRECTORY, "medes-selftest"), "--serve", "510", "1", "zswcsw"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        equal(process.stdout.readline(), "ready\n")
        with open(path + "/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(process.pid))
        status, _, answer = request("POST", "/v1/functions/guest/adopt", {"name": "mine", "cgroup": path})
        equal(status, 201, answer)
        time.sleep(1)
        equal(lives("guest"), ["running"])
        equal(live(), 0)
        equal(request("POST", "/v1/sandboxes/mine/release")[0], 200)
        soon(lambda: lives("guest") == ["dedup"], "adopted one deduplicated")
        assert live() > 100, live()
        daemon.kill()
        daemon.again()
        equal(lives("guest"), ["dedup"])
        answer = request("POST", "/v1/functions/guest/acquire", {})[2]
        equal((answer["sandbox"], answer["start"]), ("mine", "dedup"))
        process.stdin.write("check\n")
        process.stdin.flush()
        equal(process.stdout.readline(), "0\n", "wrong pages")
        equal(request("DELETE", "/v1/functions/guest")[0], 200)
        equal(process.poll(), None)
    finally:
        process.kill()
        process.wait()
        soon(lambda: "populated 0" in read(path + "/cgroup.events"), "empty")
        os.rmdir(path)


@test("the module goes and comes while functions run")
def _():
    put_keeper()
    ask("keeper", 1, "cold")
    sleep("keeper")
    done = subprocess.run(["medesctl", "unload"], capture_output=True, text=True, check=False)
    equal(done.returncode, 0, done.stderr)
    soon(lambda: lives("keeper") == ["idle"], "awake without the module")
    ask("keeper", 2, "warm")
    subprocess.run(["modprobe", "medes"], check=True)
    sleep("keeper")
    ask("keeper", 3, "dedup")
