# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line, and what the module and the machine are."""

import re
import subprocess

from harness import check, counter, ctl, equal, refused, test


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
