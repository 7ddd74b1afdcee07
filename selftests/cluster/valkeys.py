# SPDX-License-Identifier: GPL-2.0-or-later
"""A Valkey cluster on this guest, three primaries and three replicas, and what happens to it."""

import os
import shutil
import signal
import socket
import subprocess
import time

from nodes import address, harness
from harness import check, soon

HERE = address(1)
PORTS = range(7001, 7007)
SLOTS = 16384
DIRECTORY = "/run/valkeys"
PASSWORD = "not-a-secret"
# as Documentation/registry.rst has it, but for the name
ACL = ("resetchannels ~medes:test:* -@all +ping +asking +cluster|slots +eval +mget +get +set +del +incr +hget "
       "+hmget +hgetall +hset +hsetnx +hdel")

SERVERS = {}            # port: process


class Error(Exception):
    """A server's answer is one."""


def parse(file):
    line = file.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind == "-":
        raise Error(rest)
    if kind in "+:":
        return rest if kind == "+" else int(rest)
    if kind == "$":
        return None if rest == "-1" else file.read(int(rest) + 2)[:-2].decode(errors="replace")
    return [parse(file) for _ in range(int(rest))]


def say(port, *words, timeout=20):
    with socket.create_connection((HERE, port), timeout=timeout * harness.SLOW) as s, s.makefile("rb") as file:
        words = [str(word).encode() for word in words]
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return parse(file)


def says(port, text, *words):
    try:
        return text in say(port, *words, timeout=3)
    except (OSError, Error):
        return False


def start_one(port):
    os.makedirs("%s/%d" % (DIRECTORY, port), exist_ok=True)
    options = {
        "port": port, "bind": "0.0.0.0", "protected-mode": "no", "save": "", "appendonly": "no",
        "dir": "%s/%d" % (DIRECTORY, port), "cluster-enabled": "yes", "cluster-announce-ip": HERE,
        "cluster-node-timeout": 3000, "cluster-replica-validity-factor": 0, "cluster-require-full-coverage": "no",
        "repl-diskless-sync-delay": 0,
    }
    words = [word for name, value in options.items() for word in ("--" + name, str(value))]
    SERVERS[port] = subprocess.Popen(["valkey-server", *words], stdout=subprocess.DEVNULL)
    check(soon(lambda: says(port, "PONG", "PING"), 60), "server", port)
    say(port, "ACL", "SETUSER", "medes", "on", ">" + PASSWORD, *ACL.split())


def start():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    for port in PORTS:
        start_one(port)
    for i, port in enumerate(PORTS[:3]):
        say(port, "CLUSTER", "ADDSLOTSRANGE", SLOTS * i // 3, SLOTS * (i + 1) // 3 - 1)
    for i, port in enumerate(PORTS, 1):
        say(port, "CLUSTER", "SET-CONFIG-EPOCH", i)
    for port in PORTS:
        for other in PORTS:
            if other != port:
                say(port, "CLUSTER", "MEET", HERE, other)
    for port in PORTS:
        check(soon(lambda: says(port, "cluster_known_nodes:6", "CLUSTER", "INFO"), 60), port)
        check(soon(lambda: says(port, "cluster_state:ok", "CLUSTER", "INFO"), 60), port)
    for primary, port in zip(PORTS[:3], PORTS[3:]):
        follow(port, primary)


def follow(port, primary):
    name = say(primary, "CLUSTER", "MYID")
    end = time.monotonic() + 60 * harness.SLOW
    while True:
        try:
            say(port, "CLUSTER", "REPLICATE", name)
            break
        except Error:           # it has not heard of that one yet
            check(time.monotonic() < end, port, "does not follow", primary)
            time.sleep(0.1)
    check(soon(lambda: says(port, "master_link_status:up", "INFO", "replication"), 60), port)


def primaries():
    return [port for port, process in SERVERS.items()
            if process.poll() is None and says(port, "role:master", "INFO", "replication")]


def on_primaries(*words):
    for port in primaries():
        say(port, *words)


def owner(key):
    """The primary that has a key, and its replica."""
    port = primaries()[0]
    slot = say(port, "CLUSTER", "KEYSLOT", key)
    for first, last, (_, primary, *_), *replicas in say(port, "CLUSTER", "SLOTS"):
        if first <= slot <= last:
            return primary, replicas[0][1] if replicas else None
    raise AssertionError("nobody has " + key)


def read(*words):
    """From whoever has the key, which comes second."""
    return say(owner(words[1])[0], *words)


def signal_to(port, number):
    SERVERS[port].send_signal(number)


def kill(port):
    SERVERS[port].kill()
    SERVERS[port].wait()


def back(port):
    """It comes back, finds its place in its own file, and follows whoever took it."""
    start_one(port)
    check(soon(lambda: says(port, "master_link_status:up", "INFO", "replication") or port in primaries(), 60), port)


def stop():
    for process in SERVERS.values():
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
