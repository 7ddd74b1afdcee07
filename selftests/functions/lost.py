# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes whose pages cannot be rebuilt."""

import contextlib
import os
import subprocess

from harness import (Skip, answer_of, ask, boxes, daemon, equal, events, lives, put_keeper, request, several, sleep,
                     soon, test)

FAIL_DECODE = "/sys/kernel/debug/medes/fail_decode/"


def needs_injection():
    if not os.path.exists(FAIL_DECODE):
        raise Skip("this kernel has no fault injection")


@contextlib.contextmanager
def failing(times):
    """The next so many pages are not rebuilt."""
    def put(file, value):
        with open(FAIL_DECODE + file, "w", encoding="ascii") as knob:
            knob.write(str(value))
    put("verbose", 0)
    put("times", times)
    put("probability", 100)
    try:
        yield
    finally:
        put("probability", 0)


def lost_event(seen, name):
    return any(kind == "sandbox" and data["life"] == "lost" and data["function"] == name for kind, data in seen)


@test("a lost sandbox: the request is answered by another, the rest sleeps on")
def _():
    needs_injection()
    put_keeper(idempotent=True)
    put_keeper("other")
    several("keeper", 2, 1)
    ask("other", 1, "cold", answer_of("keeper", 1))
    sleep("keeper", 2)
    sleep("other")
    before, other = {box["name"] for box in boxes("keeper")}, boxes("other")[0]["name"]
    with events() as seen:
        with failing(1):
            # asked until the page that fails is met: by the prefetch or by a touch
            answered_by = [ask("keeper", seed) for seed in range(3)][-1]
        soon(lambda: lost_event(seen, "keeper"), "an event says so")
    soon(lambda: len(before & {box["name"] for box in boxes("keeper")}) == 1, "one is gone")
    assert answered_by in {box["name"] for box in boxes("keeper")}, answered_by
    equal(lives("other"), ["dedup"])
    equal(ask("other", 2, "dedup", answer_of("keeper", 2)), other)
    assert "is lost: pages of it cannot be rebuilt" in daemon.log_text()


@test("a lost sandbox: a request that may not be repeated is refused in words")
def _():
    needs_injection()
    put_keeper()
    ask("keeper", 1, "cold")
    sleep("keeper")
    box = boxes("keeper")[0]["name"]
    with events() as seen, failing(1):
        status, _, answer = request("POST", "/v1/functions/keeper/invoke", {"seed": 5})
        if status == 200:       # lost before the request was sent: another one served it
            equal(answer, answer_of("keeper", 5))
        else:
            equal(status, 502, answer)
            assert "cannot be rebuilt" in answer["error"] or "signal 7" in answer["error"], answer
        soon(lambda: lost_event(seen, "keeper"), "an event says so")
    soon(lambda: box not in {b["name"] for b in boxes("keeper")}, "it is gone")
    equal(ask("keeper", 6) == box, False)


@test("medesd killed, and pages are lost meanwhile: it ends the sandbox, and no request meets it")
def _():
    needs_injection()
    put_keeper()
    box = ask("keeper", 1, "cold")
    sleep("keeper")
    daemon.kill()
    with failing(1):
        done = subprocess.run(["medesctl", "restore", "--all", "--wait"], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "could not be rebuilt" in done.stderr, done
    daemon.again()
    equal(ask("keeper", 2, "cold") == box, False)
    soon(lambda: len(boxes("keeper")) == 1, "the lost one is gone")
    assert "were lost while medesd did not run" in daemon.log_text()
