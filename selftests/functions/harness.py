# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the controller on the module share: a medesd, functions on it, requests to
them. Each test gets a fresh medesd, and leaves nothing behind."""

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
TESTS_DIRECTORY = os.path.dirname(HERE)
DEMO = os.path.join(TESTS_DIRECTORY, "../demo")
NOOP = os.path.join(TESTS_DIRECTORY, "noop")
SOCKET = "/run/medes/medesd.sock"
CONFIG = "/run/medes-functions.conf"
CGROUPS = "/sys/fs/cgroup/"
SYSFS = "/sys/kernel/medes/"
SLOW = 5 if os.path.exists("/sys/kernel/debug/kmemleak") else 1
PATIENCE = 120 * SLOW
sys.path.insert(0, DEMO)

TESTS = []


class Skip(Exception):
    """The kernel lacks what the test needs."""


def test(name, **config):
    """config: of the medesd that it gets, as Daemon.start() takes it."""
    def register(function):
        TESTS.append((name, function, config))
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
    return sum(int(read(SYSFS + "pages_" + kind)) for kind in ("zero", "same", "words", "self", "dict"))


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

    def start(self, idle="500ms", interval="100ms", more=""):
        with open(CONFIG, "w", encoding="ascii") as file:
            file.write("[Daemon]\nState=/run/medes-functions\nLogLevel=debug\n[Functions]\nCgroup=medes-functions\n"
                       f"[Policy]\nIdle={idle}\nWindow=300ms\nInterval={interval}\nKeepAlive=2h\nKeepDedup=2h\n{more}")
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

    @staticmethod
    def log_text():
        with open("/run/medes-functions.log", encoding="utf-8", errors="replace") as file:
            return file.read()


daemon = Daemon()


def put(name, command, **spec):
    patience = PATIENCE * 1000
    spec = {**({"command": command} if command else {}), "start_timeout_ms": patience, "queue_timeout_ms": patience,
            "request_timeout_ms": patience, "env": {"PYTHONDONTWRITEBYTECODE": "1"}, **spec}
    status, _, answer = request("PUT", f"/v1/functions/{name}", spec)
    assert status in (200, 201), answer


def put_node(name="node", **spec):
    put(name, ["/usr/bin/node", "--jitless", os.path.join(HERE, "function.js")], ready_path="/", **spec)


def put_keeper(name="keeper", **spec):
    """It holds memory, all of which it compares at each request: for tests that need something
    that sleeps and wakes, whatever it is. It starts in a tenth of the time that Node.js takes."""
    put(name, [NOOP, "--keep", "4"], **spec)


def put_noop(name="noop", arguments=(), **spec):
    """It does nothing, or what the path says: selftests/daemon/noop.c."""
    put(name, [NOOP, *arguments], **spec)


def invoke(name, path="", method="POST"):
    """Status, headers and text of whatever comes."""
    connection = Connection()
    try:
        connection.request(method, f"/v1/functions/{name}/invoke{path}")
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        connection.close()


def put_python(name):
    put(name, [sys.executable, os.path.join(DEMO, "server.py"), "--function", name])


def node_answer(seed):
    x, total, picked = seed, 0, []
    for _ in range(100):
        x = (x * 1664525 + 1013904223) % 2**32
        total += x
        picked.append(f"word-{(x % 20000 * 7919) % 20011}")
    return {"sum": total, "digest": hashlib.sha256(" ".join(picked).encode()).hexdigest(), "own": 65536}


def answer_of(name, seed):
    return {"wrong": 0, "asked": {"seed": seed}} if name == "keeper" else node_answer(seed)


def python_answer(name, seed):
    done = subprocess.run([sys.executable, os.path.join(DEMO, "reference.py"), "--function", name],
                          input=f"{seed}\n", capture_output=True, text=True, check=True,
                          env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
    return json.loads(done.stdout)


def ask(name, seed, start=None, want=None, connection=None):
    """The right answer, started as wanted; returns the sandbox."""
    status, headers, answer = request("POST", f"/v1/functions/{name}/invoke", {"seed": seed}, connection)
    equal(status, 200, answer)
    equal(answer, want or answer_of(name, seed), name, seed)
    if start:
        equal(headers["Medes-Start"], start, "start of", name)
    return headers["Medes-Sandbox"]


@contextlib.contextmanager
def events():
    """What medesd tells meanwhile: a list that grows of (type, data)."""
    seen, connection = [], Connection()
    connection.request("GET", "/v1/events")
    stream = connection.getresponse()

    def listen():
        kind = ""
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in stream:
                if line.startswith(b"event: "):
                    kind = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    seen.append((kind, json.loads(line[6:])))

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield seen
    finally:
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()


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


def run():
    chosen = [t for t in TESTS if len(sys.argv) < 2 or t[0] == sys.argv[1]]
    print(f"KTAP version 1\n1..{len(chosen)}", flush=True)
    subprocess.run(["modprobe", "medes"], check=True)
    for number, (name, function, config) in enumerate(chosen, 1):
        failed, skipped = [], ""
        began = time.monotonic()
        try:
            daemon.start(**config)
            function()
        except Skip as reason:
            skipped = f" # SKIP {reason}"
        except Exception as error:  # pylint: disable=broad-except
            failed.append(error)
            note(f"{type(error).__name__}: {error}")
            note(daemon.log_text()[-3000:])
        try:
            if daemon.process.poll() is not None:
                daemon.again()
            daemon.stop()
            soon(lambda: not live(), "nothing is deduplicated any more")
        except Exception as error:  # pylint: disable=broad-except
            failed.append(error)
            note(f"after it: {type(error).__name__}: {error}")
        note(f"{name}: {time.monotonic() - began:.1f} s")
        print(f"{'not ' if failed else ''}ok {number} {name}{skipped}", flush=True)
    return 0
