# SPDX-License-Identifier: GPL-2.0-or-later
"""The module goes."""

import os
import signal
import subprocess

from harness import (FAIL_DECODE, PAGES, SLOW, Skip, add, check, ctl, daemon, dedup, equal, guests,
                     live, refused, sandbox, soon, test, write)


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
