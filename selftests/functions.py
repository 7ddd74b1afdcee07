#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The controller on the module: functions in Python and Node.js are invoked, left idle,
deduplicated by the policy and invoked again, with right answers, whatever happens to medesd
meanwhile. Output is KTAP."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
DEMO = os.path.join(HERE, "../demo")
SOCKET = "/run/medes/medesd.sock"
CONFIG = "/run/medes-functions.conf"
CGROUPS = "/sys/fs/cgroup/"
SYSFS = "/sys/kernel/medes/"
SLOW = 5 if os.path.exists("/sys/kernel/debug/kmemleak") else 1
PATIENCE = 120 * SLOW
sys.path.insert(0, DEMO)

TESTS = []


def test(name):
    def register(function):
        TESTS.append((name, function))
        return function
    return register


def note(text):
    for line in str(text).splitlines():
        print("#", line[:300], flush=True)


def equal(got, want, *what):
    assert got == want, f"{' '.join(map(str, what))} is {got!r}, wanted {want!r}"


def soon(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}; {request('GET', '/v1/functions')[2]}"
        time.sleep(0.05)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def live():
    """Pages that are deduplicated now."""
    return sum(int(read(SYSFS + "pages_" + kind)) for kind in ("zero", "same", "words", "self"))


class Connection(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("medesd", timeout=PATIENCE)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(SOCKET)


def request(method, path, body=None, connection=None):
    own = connection or Connection()
    try:
        own.request(method, path, None if body is None else json.dumps(body))
        reply = own.getresponse()
        return reply.status, reply.headers, json.loads(reply.read())
    finally:
        if not connection:
            own.close()


class Daemon:
    process = None

    def start(self, idle="500ms", more=""):
        with open(CONFIG, "w", encoding="ascii") as file:
            file.write("[Daemon]\nState=/run/medes-functions\nLogLevel=debug\n[Functions]\nCgroup=medes-functions\n"
                       f"[Policy]\nIdle={idle}\nWindow=300ms\nInterval=100ms\nKeepAlive=2h\nKeepDedup=2h\n{more}")
        self.log = open("/run/medes-functions.log", "w+", encoding="ascii")
        self.again()

    def again(self):
        self.process = subprocess.Popen(["medesd", "--config", CONFIG], stderr=self.log)
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                if request("GET", "/healthz")[2]["module"]:
                    return
            assert time.monotonic() < end and self.process.poll() is None, "medesd does not answer"
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Nothing of a sandbox is left, neither here nor in the kernel."""
        for function in request("GET", "/v1/functions")[2]["functions"]:
            request("DELETE", f"/v1/functions/{function['name']}")
        self.process.send_signal(signal.SIGTERM)
        try:
            equal(self.process.wait(30 * SLOW), 0, "exit status of medesd")
        finally:
            self.process.kill()
        root = CGROUPS + "medes-functions"
        equal([e.name for e in os.scandir(root) if e.is_dir()] if os.path.isdir(root) else [], [], "cgroups")

    def tail(self):
        self.log.flush()
        return read("/run/medes-functions.log")[-3000:]


daemon = Daemon()


def put(name, command, **spec):
    spec.update(command=command, start_timeout_ms=PATIENCE * 1000, queue_timeout_ms=PATIENCE * 1000,
                request_timeout_ms=PATIENCE * 1000)
    spec.setdefault("env", {"PYTHONDONTWRITEBYTECODE": "1"})
    status, _, answer = request("PUT", f"/v1/functions/{name}", spec)
    assert status in (200, 201), answer


def put_node(name="node", **spec):
    put(name, ["/usr/bin/node", "--jitless", os.path.join(HERE, "function.js")], ready_path="/", **spec)


def put_python(name):
    put(name, [sys.executable, os.path.join(DEMO, "server.py"), "--function", name])


def node_answer(seed):
    x, total, picked = seed, 0, []
    for _ in range(100):
        x = (x * 1664525 + 1013904223) % 2**32
        total += x
        picked.append(f"word-{(x % 20000 * 7919) % 20011}")
    return {"sum": total, "digest": hashlib.sha256(" ".join(picked).encode()).hexdigest(), "own": 65536}


def python_answer(name, seed):
    done = subprocess.run([sys.executable, os.path.join(DEMO, "reference.py"), "--function", name],
                          input=f"{seed}\n", capture_output=True, text=True, check=True,
                          env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
    return json.loads(done.stdout)


def ask(name, seed, start=None, want=None, connection=None):
    """The right answer, started as wanted; returns the sandbox."""
    status, headers, answer = request("POST", f"/v1/functions/{name}/invoke", {"seed": seed}, connection)
    equal(status, 200, answer)
    equal(answer, want or node_answer(seed), name, seed)
    if start:
        equal(headers["Medes-Start"], start, "start of", name)
    return headers["Medes-Sandbox"]


def boxes(name):
    return request("GET", f"/v1/functions/{name}")[2]["sandboxes"]


def lives(name):
    return [box["life"] for box in boxes(name)]


def sleep(name, n=1):
    soon(lambda: lives(name) == ["dedup"] * n, f"{name} deduplicated")
    for box in boxes(name):
        assert "frozen 1" in read(f"{CGROUPS}medes-functions/{box['name']}/cgroup.events"), box


def several(name, n, seed):
    """As many sandboxes, by requests at once."""
    held = [request("POST", f"/v1/functions/{name}/acquire", {"lease_ms": 3600000})[2]["sandbox"] for _ in range(n)]
    for box in held:
        request("POST", f"/v1/sandboxes/{box}/release")
    equal(len(set(held)), n)
    ask(name, seed, "warm")


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
    put_node(policy={"base_threshold": "2"})
    several("node", 3, 5)
    sleep("node", 3)
    soon(lambda: request("GET", "/v1/bases")[2]["bases"], "a base")
    base = request("GET", "/v1/bases")[2]["bases"][0]
    equal((base["function"], base["domain"]), ("node", "default"))
    assert base["users"] > 0, base
    text = subprocess.run(["medesctl", "policy", "explain", "node"], capture_output=True, text=True, check=True).stdout
    assert "3 deduplicated" in text, text
    note(text)
    held = []
    for seed in range(3):
        ask("node", seed, "dedup")
        held.append(request("POST", "/v1/functions/node/acquire", {})[2]["sandbox"])
    equal(len(set(held)), 3)


@test("medesd killed while its sandboxes sleep finds them asleep")
def _():
    put_node()
    box = ask("node", 1, "cold")
    sleep("node")
    pages = live()
    daemon.kill()
    equal(live(), pages, "deduplicated pages")
    daemon.again()
    equal(lives("node"), ["dedup"])
    equal(live(), pages, "deduplicated pages")
    equal(ask("node", 3, "dedup"), box)
    sleep("node")


@test("medesd killed at any moment of going to sleep and waking")
def _():
    put_node(idempotent=True)
    ask("node", 1, "cold")
    for round_ in range(6):
        # idle, freezing, in the middle of it, or just done
        time.sleep(0.35 + 0.15 * round_)
        daemon.kill()
        daemon.again()
        soon(lambda: lives("node") in (["idle"], ["deduplicating"], ["dedup"]), "taken over")
        ask("node", 100 + round_)
        equal(len(boxes("node")), 1)
    sleep("node")


@test("medesd killed in the middle of invocations")
def _():
    put_node()
    several("node", 2, 1)
    before = {box["name"] for box in boxes("node")}
    errors, stop = [], threading.Event()

    def client(first):
        seed = first
        while not stop.is_set():
            try:
                ask("node", seed)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)        # medesd is away
            except AssertionError as error:
                errors.append(error)
            seed += 1

    threads = [threading.Thread(target=client, args=(1000 * n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(1)
        daemon.kill()
        daemon.again()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    equal(errors, [])
    assert before <= {box["name"] for box in boxes("node")}, boxes("node")


@test("a sandbox that dies while it sleeps is forgotten")
def _():
    put_node()
    ask("node", 1)
    sleep("node")
    os.kill(boxes("node")[0]["pid"], signal.SIGKILL)
    soon(lambda: not boxes("node"), "forgotten")
    soon(lambda: not live(), "records freed")
    ask("node", 2, "cold")


@test("an adopted sandbox sleeps when released and wakes when acquired")
def _():
    request("PUT", "/v1/functions/guest", {})
    path = CGROUPS + "functions-guest"
    os.mkdir(path)
    process = subprocess.Popen([os.path.join(HERE, "medes-selftest"), "--serve", "510", "1", "zswcsw"],
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
    put_node()
    ask("node", 1, "cold")
    sleep("node")
    done = subprocess.run(["medesctl", "unload"], capture_output=True, text=True, check=False)
    equal(done.returncode, 0, done.stderr)
    soon(lambda: lives("node") == ["idle"], "awake without the module")
    ask("node", 2, "warm")
    subprocess.run(["modprobe", "medes"], check=True)
    sleep("node")
    ask("node", 3, "dedup")


@test("a load of invocations, a hundred a second offered, none of which fails")
def _():
    put_node(max_sandboxes=4)
    ask("node", 1)
    want, done, errors = node_answer(5), [], []
    rate, seconds, clients = 100, 5, 4
    begin = time.monotonic() + 0.5

    def client(number):
        connection = Connection()
        for i in range(number, rate * seconds, clients):
            time.sleep(max(0, begin + i / rate - time.monotonic()))
            try:
                ask("node", 5, want=want, connection=connection)
                done.append(time.monotonic() - begin - i / rate)
            except (AssertionError, OSError, http.client.HTTPException) as error:
                errors.append(repr(error))
                connection.close()
                connection = Connection()
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.sort()
    took = time.monotonic() - begin
    note(f"{len(done)} in {took:.1f} s: {len(done) / took:.0f}/s; ms late p50 {done[len(done) // 2] * 1e3:.0f},"
         f" p99 {done[len(done) * 99 // 100] * 1e3:.0f}; {len(errors)} failed {errors[:3]}")
    equal((len(done), errors), (rate * seconds, []))


def main():
    chosen = [t for t in TESTS if len(sys.argv) < 2 or t[0] == sys.argv[1]]
    print(f"KTAP version 1\n1..{len(chosen)}", flush=True)
    subprocess.run(["modprobe", "medes"], check=True)
    for number, (name, function) in enumerate(chosen, 1):
        failed = []
        began = time.monotonic()
        try:
            daemon.start()
            function()
        except Exception as error:  # pylint: disable=broad-except
            failed.append(error)
            note(f"{type(error).__name__}: {error}")
            note(daemon.tail())
        try:
            if daemon.process.poll() is not None:
                daemon.again()
            daemon.stop()
            soon(lambda: not live(), "nothing is deduplicated any more")
        except Exception as error:  # pylint: disable=broad-except
            failed.append(error)
            note(f"after it: {type(error).__name__}: {error}")
        note(f"{time.monotonic() - began:.1f} s")
        print(f"{'not ' if failed else ''}ok {number} {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
