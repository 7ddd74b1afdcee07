# SPDX-License-Identifier: GPL-2.0-or-later
"""What the suites of several guests share: other nodes, the network between them, bases that
they give each other, and how tests run. The tests run on guest 1; own.py does the part of the
others. Tests build on one another and run in the order of the file. Output is KTAP."""

import json
import os
import subprocess
import sys
import time

TESTS_DIRECTORY = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(TESTS_DIRECTORY, "control"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from harness import SYSFS, check, counter, ctl, daemon, equal, note, soon, write  # noqa: E402

NODES = int(os.environ.get("VM_NODES", "1"))
NODE = int(os.environ.get("VM_NODE", "1"))
KEY = "00112233445566778899aabbccddeeff"
KEY_FILE = "/tmp/cluster.key"
DOMAIN = "cluster"
PAGES = 1200            # of a base: three extents
MIX = "cs"              # in the base; each page of kind "c" is another
SEED = 7
PATIENCE_MS = 60000     # a busy guest may take long to connect again
TIMEOUT_MS = 1000       # where it is to run out
OWN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "own.py")

TESTS = []


def test(name):
    def register(fn):
        TESTS.append((name, fn))
        return fn
    return register


# ---- nodes --------------------------------------------------------------------------

def on(node, *command, code=0):
    """Run a command on another guest; its output."""
    done = subprocess.run(["on", str(node), " ".join(command)], capture_output=True, text=True,
                          check=False, timeout=120 * harness.SLOW)
    check(code is None or done.returncode == code, "on", node, *command, ": exit",
          done.returncode, done.stdout, done.stderr)
    return done.stdout


def there(node, *args):
    """The owner's part, on another guest."""
    return on(node, "python3", OWN, *args).strip()


def join(node, key=KEY, cluster="test"):
    write(KEY_FILE, key)
    ctl("cluster", "join", cluster, "node%d" % node, "--key", KEY_FILE)


def wait_for_nodes(ms):
    """So long does a touch wait."""
    write(SYSFS + "read_timeout_ms", ms * harness.SLOW)


def reload():
    subprocess.run(["modprobe", "-r", "medes"], check=True)
    subprocess.run(["modprobe", "medes"], check=True)
    wait_for_nodes(PATIENCE_MS)


def address(node):
    return "10.77.0.%d" % node


def peers():
    return {p["address"]: p for p in ctl("peer", "list", "-j").json()["peers"]}


def peer_state(node):
    return peers()[address(node)]["state"]


def refusals(node):
    """What a node has refused, by reason."""
    shown = json.loads(on(node, "medesctl cluster show -j"))
    return {k: v for k, v in shown.items() if k.startswith("refused_")}


# ---- the network --------------------------------------------------------------------

def cut(*nodes):
    """Nothing goes out there any more. Not "ip link set eth0 down": a soft RoCE device that has to
    send while its interface is down breaks its queue pair 1 for good."""
    for node in nodes or range(1, NODES + 1):
        on(node, "tc qdisc replace dev eth0 root netem loss 100%")


def mend():
    for node in range(1, NODES + 1):
        on(node, "tc qdisc del dev eth0 root", code=None)


# ---- bases --------------------------------------------------------------------------

def base(name):
    return ctl("base", "show", name, "-j").json()


def replica_states(name):
    return sorted(r["state"] for r in base(name)["replicas"])


def empty_cache():
    most = counter("max_fetched_bytes")
    write(SYSFS + "max_fetched_bytes", 0)
    equal(counter("remote_cached"), 0, "pages in the cache")
    write(SYSFS + "max_fetched_bytes", most)


# ---- running ------------------------------------------------------------------------

def recover():
    """From whatever a test that failed has left behind."""
    wait_for_nodes(PATIENCE_MS)
    mend()
    soon(lambda: all(p["state"] == "up" for p in peers().values()), 30)


def explain():
    """What there is to see when a test has failed."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout.splitlines()
    note("\n".join([line for line in log if "medes" in line][-20:]))
    for command in ["peer", "list"], ["base", "list"]:
        note(subprocess.run(["medesctl", *command], capture_output=True, text=True, check=False).stdout)
    note(", ".join("%s %d" % (n, counter(n)) for n in
                   ("remote_pages", "remote_reads", "remote_retries", "remote_bad", "losses")))


def run(name, fn, seen):
    skipped = failed = None
    begin = time.monotonic()
    try:
        fn()
    except harness.Skip as reason:
        skipped = str(reason)
    except Exception as error:      # pylint: disable=broad-except
        failed = error
        frame = error.__traceback__
        while frame.tb_next and frame.tb_next.tb_frame.f_code.co_filename == fn.__code__.co_filename:
            frame = frame.tb_next
        note("line %d: %s: %s" % (frame.tb_lineno, type(error).__name__, error))
        explain()
        recover()
    if daemon.process and daemon.process.poll() is None:
        daemon.kill()
    seen, bad = harness.complaints(seen)
    for line in bad:
        note("kernel: " + line)
    note("%s: %.1f s" % (name, time.monotonic() - begin))
    return seen, failed or bad, skipped


def main(nodes):
    """Run the first test, which sets up what the others need, and those that the arguments name."""
    chosen = [t for i, t in enumerate(TESTS)
              if not i or len(sys.argv) < 2 or any(part in t[0] for part in sys.argv[1:])]
    if NODES < nodes:
        print("KTAP version 1\n1..0 # SKIP too few guests: tools/vm/run --nodes %d" % nodes)
        return 0
    print("KTAP version 1\n1..%d" % len(chosen), flush=True)
    seen = harness.complaints(0)[0]
    for number, (name, fn) in enumerate(chosen, 1):
        seen, failed, skipped = run(name, fn, seen)
        print("%sok %d %s%s" % ("not " if failed else "", number, name,
                                " # SKIP " + skipped if skipped and not failed else ""), flush=True)
    return 0
