# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters, events, advice."""

import json
import signal
import subprocess
import time

from harness import (SLOW, add, check, counter, ctl, dedup, equal, guests, live, refused, sandbox,
                     test)


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
