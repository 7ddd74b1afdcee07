#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole medesd, without the module, whose registry is a Valkey cluster that fails in every way:
requests to functions are served all the while, and the daemon says how things are."""
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from medesd import BUILD, equal, run_tests, soon, test

PASSWORD = "not-a-secret"
ACL = ("resetchannels ~medes:test:* -@all +ping +asking +cluster|slots +eval +mget +get +set +del +incr "
       "+hget +hmget +hgetall +hset +hsetnx +hdel")

HOLDER = subprocess.Popen([os.path.join(BUILD, "valkeys-serve")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True)
SERVERS = dict(map(int, HOLDER.stdout.readline().split()) for _ in range(6))     # port: pid
GONE = set()


def parse(file):
    line = file.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind == "$":
        return None if rest == "-1" else file.read(int(rest) + 2)[:-2].decode(errors="replace")
    return [parse(file) for _ in range(int(rest))] if kind == "*" else line


def say(port, *words):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s, s.makefile("rb") as file:
        s.sendall("".join([f"*{len(words)}\r\n", *(f"${len(w)}\r\n{w}\r\n" for w in words)]).encode())
        return parse(file)


def primaries():
    return [port for port in SERVERS if port not in GONE and "role:master" in say(port, "INFO", "replication")]


def set_password(password):
    for port in SERVERS:
        say(port, "ACL", "SETUSER", "medes", "on", "resetpass", ">" + password, *ACL.split())
        say(port, "CLIENT", "KILL", "USER", "medes")


def engine(d):
    return d.get("/v1/status").json()["registry"]["engine"]


def state(d, *want):
    soon(lambda: engine(d)["state"] in want)
    return engine(d)


@contextlib.contextmanager
def serving(d):
    """Requests, one after the other, none of which fails, whatever the registry does."""
    end, answers = threading.Event(), []

    def ask():
        while not end.is_set():
            try:
                # one that waits for the registry to come back would do so without end
                answers.append(d.invoke("web").status)
            except (OSError, http.client.HTTPException) as error:
                answers.append(str(error))
            time.sleep(0.02)

    d.put("web")
    equal(d.invoke("web").status, 200)
    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield
        soon(lambda: len(answers) > 3)
    finally:
        end.set()
        asker.join()
    equal(set(answers), {200}, f"answers to {len(answers)} requests")


@test
def a_registry_that_answers_is_up(d):
    with serving(d):
        soon(lambda: (engine(d)["state"], engine(d)["error"]) == ("up", None))


@test
def servers_that_stop_are_not_waited_for(d):
    with serving(d):
        for pid in SERVERS.values():
            os.kill(pid, signal.SIGSTOP)
        state(d, "degraded", "down")
        for pid in SERVERS.values():
            os.kill(pid, signal.SIGCONT)
        state(d, "up")


@test
def full_servers_stop_nobody(d):
    with serving(d):
        for port in SERVERS:
            say(port, "CONFIG", "SET", "maxmemory", "1")
        soon(lambda: "OOM" in (engine(d)["error"] or ""))
        for port in SERVERS:
            say(port, "CONFIG", "SET", "maxmemory", "0")
        state(d, "up")


@test
def a_wrong_password_is_told(d):
    with serving(d):
        set_password("another")
        try:
            soon(lambda: "WRONGPASS" in (state(d, "down")["error"] or ""))
        finally:
            set_password(PASSWORD)
        state(d, "up")


@test
def flushed_servers_are_filled_again(d):
    def has_directory():
        return any("geometry" in say(port, "HGETALL", "medes:test:{bases}") for port in primaries())

    with serving(d):
        soon(has_directory)
        for port in primaries():
            say(port, "FLUSHALL")
        soon(has_directory)
        state(d, "up")


@test
def a_replica_takes_over(d):
    with serving(d):
        first, *others = primaries()
        replicas = [pid for port, pid in SERVERS.items() if port not in (first, *others)]
        # none of them before it has been seen that one is needed
        for pid in replicas:
            os.kill(pid, signal.SIGSTOP)
        GONE.add(first)
        os.kill(SERVERS[first], signal.SIGKILL)
        state(d, "degraded", "down")
        for pid in replicas:
            os.kill(pid, signal.SIGCONT)
        soon(lambda: len(primaries()) == 3)
        state(d, "up")


@test
def without_any_server_functions_run(d):
    with serving(d):
        for port, pid in SERVERS.items():
            if port not in GONE:
                os.kill(pid, signal.SIGKILL)
        state(d, "down")
    HOLDER.stdin.close()


if __name__ == "__main__":
    set_password(PASSWORD)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(PASSWORD + "\n")
        file.flush()
        run_tests(f"""[Cluster]
Name=test
Node=n1
Key=/none
[Registry]
Engine=valkey
Servers={" ".join(f"127.0.0.1:{port}" for port in SERVERS)}
User=medes
PasswordFile={file.name}
Timeout=500ms
""")
