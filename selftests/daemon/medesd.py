# SPDX-License-Identifier: GPL-2.0-or-later
"""A medesd of the test's own, without the module, and what tests of it share."""
import atexit
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from tap import Skip, run_all

BUILD = os.environ.get("BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "build"))
MEDESD = os.environ.get("MEDESD", os.path.join(BUILD, "daemon/medesd"))
NOOP = os.path.join(BUILD, "noop")
PATIENCE = 60
NUMBERS = itertools.count(1)
ADMIN, TENANT = "administrator-token", "tenant-token-of-a-shop"
TESTS = []


def test(function):
    """Its name, with blanks, is what it proves."""
    TESTS.append(function)
    return function


def needs_cgroups():
    if not cgroup_mount():
        raise Skip("no cgroup v2 file system: sandboxes end with medesd")


def equal(got, want, what=""):
    assert got == want, f"{what} is {got!r}, wanted {want!r}"


def soon(condition, seconds=PATIENCE, pause=0.01):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(pause)


class Gate:
    """What waits behind it goes on when it is opened, however long that takes on a busy machine. At the
    end of a with statement it is open."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="medes-gate-")
        os.chmod(self.directory, 0o755)             # for whoever functions run as
        self.file = os.path.join(self.directory, "open")
        self.path = f"/until{self.file}"            # a request that waits
        self.command = ["/bin/sh", "-c",            # a function that waits before it starts
                        f"until [ -e {self.file} ]; do sleep 0.05; done; exec {NOOP}"]
        atexit.register(shutil.rmtree, self.directory)

    def open(self):
        with open(self.file, "w", encoding="utf-8"):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()


def cgroup_mount():
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            if line.split()[2] == "cgroup2":
                return line.split()[1]
    return None


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("medesd", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, reply):
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()

    def json(self):
        return json.loads(self.body)


class Daemon:
    """config: lines of medesd.conf"""

    def __init__(self, config="", level="debug"):
        self.directory = tempfile.mkdtemp(prefix="medesd-test-")
        os.chmod(self.directory, 0o755)
        self.socket = os.path.join(self.directory, "sock")
        # several of a test have cgroups of their own
        self.name = f"medes-test-{os.getpid()}-{next(NUMBERS)}"
        self.port = free_port()
        tokens = os.path.join(self.directory, "tokens")
        with open(os.open(tokens, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(f"# for tests\n{ADMIN} *\n{TENANT} shop\n")
        self.config = os.path.join(self.directory, "medesd.conf")
        self.tokens, self.level = tokens, level
        self.configure(config)
        self.log = os.path.join(self.directory, "log")
        self.process = None
        self.start()

    def configure(self, lines):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""[Daemon]
Socket={self.socket}
State={self.directory}/state
LogLevel={self.level}
[Http]
Listen=127.0.0.1:{self.port}
Tokens={self.tokens}
[Functions]
Cgroup={self.name}
PrivateTmp=no
{lines}
""")

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            # ends with the test, however that ends
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", MEDESD, "-c", self.config], stderr=log)
        soon(self.answers)

    def answers(self):
        assert self.process.poll() is None, f"medesd ended: {self.tail()}"
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def tail(self):
        return self.log_text()[-3000:]

    def request(self, method, path, body=None, headers=None, connection=None):
        own = connection or Unix(self.socket)
        try:
            data = json.dumps(body) if isinstance(body, (dict, list)) else body
            own.request(method, path, data, headers or {})
            return Reply(own.getresponse())
        finally:
            if not connection:
                own.close()

    def tcp(self, method, path, token=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return self.request(method, path, body, headers, connection)
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def put(self, name, **spec):
        spec.setdefault("command", [NOOP])
        reply = self.request("PUT", f"/v1/functions/{name}", spec)
        assert reply.status in (200, 201), reply.body
        return reply.json()

    def function(self, name):
        return self.get(f"/v1/functions/{name}").json()

    def invoke(self, name, path="", method="GET", body=None):
        return self.request(method, f"/v1/functions/{name}/invoke{path}", body)

    def cells(self):
        mount = cgroup_mount()
        root = os.path.join(mount, self.name) if mount else ""
        return [entry.name for entry in os.scandir(root) if entry.is_dir()] if os.path.isdir(root) else []

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it; whatever the sanitizers found is an exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        assert status == 0, f"medesd ended with {status}: {self.tail()}"
        equal(self.cells(), [], "what is left of sandboxes")
        shutil.rmtree(self.directory)


LABEL = r'[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"'
METRIC = re.compile(rf'(?P<series>(?P<name>[a-z_]+)(?:\{{{LABEL}(?:,{LABEL})*\}})?) (?P<value>[-+0-9.eE]+)')


def metrics(daemon):
    """The lines of its /metrics, which have the form of OpenMetrics."""
    reply = daemon.get("/metrics")
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    lines = reply.body.decode().splitlines()
    equal((lines[-1], reply.body[-1:]), ("# EOF", b"\n"))
    told, kinds, series = [], {}, set()
    for line in lines[:-1]:
        if line.startswith("#"):
            word, family, text = line[2:].split(" ", 2)
            assert word in ("TYPE", "HELP", "UNIT") and (word, family) not in told, line
            told.append((word, family))
            if word == "TYPE":
                assert family not in kinds and text in ("counter", "gauge"), line
                kinds[family] = text
            continue
        # all of a family stands together, each once, its suffix after its type
        found = METRIC.fullmatch(line)
        assert found and found["series"] not in series, line
        series.add(found["series"])
        family = told[-1][1]
        equal(found["name"], family + ("_total" if kinds[family] == "counter" else ""))
        assert float(found["value"]) >= 0 or kinds[family] == "gauge", line
    equal({f for w, f in told if w == "HELP"}, set(kinds), "families with a word of help")
    return lines


# Below those that the kernel hands out: one of those it may give to somebody else before a daemon
# listens there. A hundred for each process, since several run at a time.
PORTS = itertools.cycle(range(10000 + os.getpid() % 200 * 100, 10100 + os.getpid() % 200 * 100))


def free_port():
    for port in itertools.islice(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("a hundred ports are taken")


def run_tests(config=""):
    """One medesd for all of them: what one leaves is the next one's."""
    daemons = []

    def set_up():
        daemons.append(Daemon(config))
        return daemons

    def recover():
        if daemons[0].process.poll() is not None:
            daemons[0].start()

    run_all(TESTS, set_up, recover, lambda: daemons[0].stop(), lambda: daemons[0].tail())
