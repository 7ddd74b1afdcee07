# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function may take, and where its output goes."""

import os
import socket

from harness import CGROUPS, daemon, equal, events, invoke, put_noop, read, request, soon, test

CELLS = CGROUPS + "medes-functions/"
JOURNAL = "/run/systemd/journal/stdout"


def cell(headers, file):
    return read(f"{CELLS}{headers['Medes-Sandbox']}/{file}").strip()


def number(headers, file, key):
    return int(dict(line.split() for line in cell(headers, file).splitlines())[key])


@test("limits of a spec are its cgroup's, and of no other")
def _():
    put_noop("tight", memory_bytes=64 << 20, cpu_percent=50, pids=20)
    put_noop("free")
    for name, want in ("tight", ("67108864", "50000 100000", "20")), ("free", ("max", "max 100000", "max")):
        status, headers, _ = invoke(name)
        equal(status, 200)
        equal(tuple(cell(headers, file) for file in ("memory.max", "cpu.max", "pids.max")), want, name)


@test("more memory than memory_bytes: killed, and told so in words")
def _():
    # what greedy waits for counts as a stall of the host, too, for which modest could be purged
    request("PUT", "/v1/policy", {"params": {"pressure": "100"}})
    put_noop("greedy", memory_bytes=32 << 20)
    put_noop("modest")
    modest = invoke("modest")[1]["Medes-Sandbox"]
    equal(invoke("greedy", "/touch/8")[0], 200)
    with events() as seen:
        status, _, text = invoke("greedy", "/touch/100")
        equal(status, 502, text)
        assert "more memory than it may have (memory_bytes)" in text, text
        soon(lambda: any(kind == "sandbox" and data["life"] == "gone" and "memory_bytes" in data["why"]
                         for kind, data in seen), "an event")
    assert "more memory than it may have" in daemon.log_text()
    equal(invoke("greedy")[0], 200)
    equal(invoke("modest")[1]["Medes-Sandbox"], modest)


@test("more processes than pids are not made")
def _():
    put_noop("bomb", pids=10)
    put_noop("free")
    status, headers, made = invoke("bomb", "/fork/50")
    equal((status, made), (200, "9"))
    assert number(headers, "pids.events", "max") > 0
    equal(invoke("free", "/fork/50")[2], "50")
    equal(invoke("bomb")[0], 200)


@test("more time than cpu_percent is not given")
def _():
    put_noop("slow", cpu_percent=20)
    put_noop("free")
    status, headers, used = invoke("slow", "/spin/1000")
    equal(status, 200)
    assert int(used) < 500, used
    assert number(headers, "cpu.stat", "nr_throttled") > 0
    headers = invoke("free", "/spin/300")[1]
    equal(number(headers, "cpu.stat", "nr_throttled"), 0)


@test("output goes to the journal under the sandbox's name, else to where medesd's goes")
def _():
    put_noop("talker", max_sandboxes=1)
    invoke("talker", "/say/aloud")
    soon(lambda: "out: aloud" in daemon.log_text() and "err: aloud" in daemon.log_text(), "both lines")
    assert not os.path.exists(JOURNAL), "a journal runs here"
    os.makedirs(os.path.dirname(JOURNAL), exist_ok=True)
    with socket.socket(socket.AF_UNIX) as journal:
        journal.bind(JOURNAL)
        try:
            journal.listen()
            journal.settimeout(60)
            put_noop("talker", max_sandboxes=1, env={"another": "one"})
            headers = invoke("talker", "/say/softly")[1]
            stream = journal.accept()[0]
            with stream, stream.makefile() as lines:
                stream.settimeout(60)
                equal(lines.readline().strip(), headers["Medes-Sandbox"], "identifier")
                while (line := lines.readline()) != "out: softly\n":
                    assert line, "the stream ended"
                equal(lines.readline(), "err: softly\n")
        finally:
            os.unlink(JOURNAL)
    assert "softly" not in daemon.log_text()
