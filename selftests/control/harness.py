# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of medesctl and medesd on the module share: commands, processes with known
memory, cgroups, a daemon. Each test starts with the module loaded, a fresh medesd and no
sandbox, and ends with nothing of it left."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time

TESTS_DIRECTORY = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
SELFTEST = os.path.join(TESTS_DIRECTORY, "medes-selftest")
SOCKET = "/run/medes/medesd.sock"
SYSFS = "/sys/kernel/medes/"
CGROUPS = "/sys/fs/cgroup/"
FAIL_DECODE = "/sys/kernel/debug/medes/fail_decode/"
PAGES = 510
MIX = "zswcsw"          # no random pages: all can be stored
ALONE = PAGES // 3      # of these without a base: zeros and compressible ones
SLOW = 5 if os.path.exists("/sys/kernel/debug/kmemleak") else 1

TESTS = []


class Skip(Exception):
    pass


def test(name):
    def register(fn):
        TESTS.append((name, fn))
        return fn
    return register


def note(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


def check(condition, *what):
    assert condition, " ".join(str(w) for w in what)


def equal(got, want, *what):
    check(got == want, *what, "is", repr(got), "- wanted", repr(want))


def soon(condition, seconds=10):
    end = time.monotonic() + seconds * SLOW
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def counter(name):
    return int(read(SYSFS + name))


def live():
    return sum(counter("pages_" + kind) for kind in ("zero", "same", "words", "self", "dict"))


class Result:
    def __init__(self, args, done):
        self.args, self.code = args, done.returncode
        self.out, self.err = done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return "medesctl %s: exit %d\n%s%s" % (" ".join(self.args), self.code, self.out, self.err)


def ctl(*args, code=0):
    """Run medesctl; the exit code must be the one that is expected."""
    done = subprocess.run(["medesctl", *args], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=60 * SLOW)
    result = Result(args, done)
    check(result.code == code, result, "- wanted exit", code)
    if code:
        check(result.err.startswith("medesctl: "), "failed without a message:", result)
    return result


def refused(*args, code=1, says):
    """It fails and says why: every word of "says" is in the message."""
    result = ctl(*args, code=code)
    for word in [says] if isinstance(says, str) else says:
        check(word in result.err, result, "- nothing of", repr(word))
    return result


class Guest:
    """A process with known memory."""

    def __init__(self, seed=1, pages=PAGES, mix=MIX):
        self.process = subprocess.Popen([SELFTEST, "--serve", str(pages), str(seed), mix],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        equal(self.process.stdout.readline(), "ready\n")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        while answer.startswith("#"):
            note(answer[1:])
            answer = self.process.stdout.readline()
        return answer.strip()

    def right(self):
        equal(self.ask("check"), "0", "wrong pages of", self.pid)

    def fill(self, seed):
        equal(self.ask("fill %d" % seed), "filled")

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(), 0, "exit status of a guest")

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def guests(*seeds, **options):
    made = []
    try:
        for seed in seeds:
            made.append(Guest(seed, **options))
        yield made[0] if len(made) == 1 else made
    finally:
        for guest in made:
            guest.kill()


@contextlib.contextmanager
def cgroup(name, *pids):
    path = CGROUPS + name
    os.mkdir(path)
    try:
        for pid in pids:
            write(path + "/cgroup.procs", pid)
        yield path
    finally:
        write(path + "/cgroup.freeze", 0)
        write(path + "/cgroup.kill", 1)
        check(soon(lambda: "populated 0" in read(path + "/cgroup.events")), path, "is not empty")
        os.rmdir(path)


def frozen(path):
    return "frozen 1" in read(path + "/cgroup.events")


class Daemon:
    def __init__(self):
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["medesd"], stderr=subprocess.PIPE, text=True)
        check(soon(self.answers, 60), "medesd does not answer")

    @staticmethod
    def answers():
        try:
            return http("GET", "/v1/status")[1].get("module")
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                equal(self.process.wait(20 * SLOW), 0, "exit status of medesd")
            finally:
                self.process.kill()

    def log(self):
        return self.process.stderr.read()


daemon = Daemon()


def http_raw(request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30 * SLOW)
        s.connect(SOCKET)
        s.sendall(request)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body.strip() else None


def http(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else b""
    return http_raw(b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                    % (method.encode(), path.encode(), len(data), data))


def sandbox(name):
    return ctl("sandbox", "show", name, "-j").json()


def add(name, guest, *options):
    ctl("sandbox", "add", name, "--pid", str(guest.pid), *options)


def dedup(name):
    job = ctl("dedup", name, "--wait", "-j").json()
    equal(job["state"], "done", "job")
    return job


def complaints(seen):
    """Lines of the kernel's log since "seen" that count as complaints."""
    with open(os.path.join(TESTS_DIRECTORY, "complaints"), encoding="ascii") as file:
        bad = re.compile("|".join(file.read().splitlines()))
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout.splitlines()
    return len(log), [line for line in log[seen:] if bad.search(line)]


def clean_up():
    """Drop everything, end the daemon; what is left then is the test's failure."""
    for one in ctl("sandbox", "list", "-j").json()["sandboxes"]:
        # it may go at any moment, now that its processes have gone
        subprocess.run(["medesctl", "sandbox", "remove", one["name"]], capture_output=True,
                       check=False)
    check(soon(lambda: live() == 0), live(), "pages are stored with no process left")
    for one in ctl("base", "list", "-j").json()["bases"]:
        ctl("base", "remove", one["name"])
    daemon.stop()
    check(soon(lambda: counter("base_bytes") + counter("record_bytes") == 0), "memory is left")


def run(name, fn, seen):
    skipped = None
    failed = False
    start = time.monotonic()
    subprocess.run(["modprobe", "medes"], check=True)
    daemon.start()
    for step in fn, clean_up:
        try:
            step()
        except Skip as reason:
            skipped = str(reason)
        except Exception as error:      # pylint: disable=broad-except
            failed = True
            frame = error.__traceback__
            while frame.tb_next and frame.tb_next.tb_frame.f_code.co_name not in ("check",):
                frame = frame.tb_next
            note("line %d: %s: %s" % (frame.tb_lineno, type(error).__name__, error))
    if failed and daemon.process.poll() is None:
        daemon.kill()
    if failed:
        note(daemon.log())
    seen, bad = complaints(seen)
    for line in bad:
        note("kernel: " + line)
    note("%s: %.1f s" % (name, time.monotonic() - start))
    return seen, failed or bool(bad), skipped


def main():
    chosen = [t for t in TESTS if len(sys.argv) < 2 or t[0] == sys.argv[1]]
    if not chosen:
        print("no test is named", sys.argv[1], file=sys.stderr)
        return 2
    print("KTAP version 1\n1..%d" % len(chosen), flush=True)
    seen = complaints(0)[0]
    for number, (name, fn) in enumerate(chosen, 1):
        seen, failed, skipped = run(name, fn, seen)
        print("%sok %d %s%s" % ("not " if failed else "", number, name,
                                " # SKIP " + skipped if skipped and not failed else ""), flush=True)
    return 0
