# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions in containers: the bundles are made of this guest's Debian packages."""

import json
import os
import shutil
import subprocess

from harness import (CGROUPS, NOOP, ask, boxes, daemon, equal, invoke, live, lives, put, read, request, sleep,
                     soon, test)

BUNDLES = "/run/medes-bundles/"
FILES, STATE = "/run/medes/oci", "/run/medes/oci.state"
CELLS = CGROUPS + "medes-functions/"


def bundle(name, *command, **limits):
    """A new one; limits as medes-bundle takes them."""
    os.makedirs(BUNDLES, exist_ok=True)
    shutil.rmtree(BUNDLES + name, ignore_errors=True)
    subprocess.run(["medes-bundle", *(f"--{key}={value}" for key, value in limits.items()), BUNDLES + name, "--",
                    *command], check=True, capture_output=True)
    return BUNDLES + name


def noop_bundle(*arguments, **limits):
    return bundle("noop", os.path.realpath(NOOP), *arguments, **limits)


def put_bundle(name, path, **spec):
    put(name, None, runtime="oci", bundle=path, env={}, **spec)


def containers():
    return sorted(os.listdir(STATE)) if os.path.isdir(STATE) else []


def nothing_left():
    return not containers() and not (os.path.isdir(FILES) and os.listdir(FILES))


def edited(path, change):
    with open(path + "/config.json", encoding="utf-8") as file:
        config = json.load(file)
    change(config)
    with open(path + "/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


@test("a container serves, sleeps frozen and deduplicated, and answers out of it")
def _():
    put_bundle("keeper", noop_bundle("--keep", "4"))
    box = ask("keeper", 1, "cold")
    pid = boxes("keeper")[0]["pid"]
    # root inside is nobody outside, and only there
    equal(os.stat(f"/proc/{pid}").st_uid, 65534)
    equal(read(f"/proc/{pid}/uid_map").split(), ["0", "65534", "1"])
    equal(read(f"/proc/{pid}/cgroup").strip(), f"0::/medes-functions/{box}/container")
    equal(containers(), [box])
    sleep("keeper")
    assert live() > 100, live()
    equal(ask("keeper", 2, "dedup"), box)
    # killed while it is awake, and while it sleeps
    daemon.kill()
    daemon.again()
    equal(ask("keeper", 3), box)
    sleep("keeper")
    pages = live()
    daemon.kill()
    daemon.again()
    equal((lives("keeper"), live()), (["dedup"], pages))
    equal(ask("keeper", 4, "dedup"), box)
    equal(request("DELETE", "/v1/functions/keeper")[0], 200)
    soon(lambda: nothing_left() and not os.path.exists(CELLS + box), "nothing is left of it")
    assert not os.path.exists(f"/proc/{pid}")


@test("a bundle's limits hold, and the spec's beside them")
def _():
    put_bundle("noop", noop_bundle(memory=32, pids=10, cpu=50), pids=100, max_sandboxes=1)
    status, headers, made = invoke("noop", "/fork/50")
    equal((status, made), (200, "9"))
    box = headers["Medes-Sandbox"]
    equal([read(f"{CELLS}{box}/container/{file}").strip() for file in ("memory.max", "pids.max", "cpu.max")],
          [str(32 << 20), "10", "50000 100000"])
    equal(read(f"{CELLS}{box}/pids.max").strip(), "100")
    equal(invoke("noop", "/env/MEDES_SANDBOX")[2], box)
    status, _, text = invoke("noop", "/touch/100")
    equal(status, 502, text)
    assert "more memory than it may have (memory_bytes, or linux.resources.memory of its bundle)" in text, text
    soon(lambda: box not in containers() and box not in os.listdir(FILES), "it is gone")
    equal(invoke("noop", "/fork/3")[2], "3")


@test("a container that does not start says why, and leaves nothing")
def _():
    path = noop_bundle()
    edited(path, lambda config: config["process"].update(args=["/usr/bin/no-such-program"]))
    put_bundle("noop", path)
    status, _, text = invoke("noop")
    equal(status, 503, text)
    assert "/usr/bin/no-such-program" in text, text
    edited(path, lambda config: config["process"].update(args=[os.path.realpath(NOOP), "--exit", "3"]))
    put_bundle("noop", path, idempotent=True)
    status, _, text = invoke("noop")
    equal(status, 503, text)
    assert "exited with status 3" in text or "ended at once" in text, text
    request("DELETE", "/v1/functions/noop")
    soon(nothing_left, "nothing is left")


@test("medesd killed while containers are made leaves none behind")
def _():
    put_bundle("noop", noop_bundle())
    for _ in range(3):
        subprocess.Popen(["medesctl", "function", "invoke", "noop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        soon(lambda: "starting" in lives("noop") or "idle" in lives("noop"), "begun")
        daemon.kill()
        daemon.again()
        soon(lambda: len(containers()) == len(boxes("noop")), "as many containers as sandboxes")
    equal(invoke("noop")[0], 200)
    request("DELETE", "/v1/functions/noop")
    soon(lambda: nothing_left() and not any(e.is_dir() for e in os.scandir(CELLS)), "nothing is left")
