#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A controller that is elected: on loopback, with a Valkey server. Another one takes over when it dies,
stalls or loses the server, and clients of the other nodes do not notice."""
import os
import signal
import subprocess
import tempfile
import threading
import time

from clusters import Cluster, until
from medesd import TESTS, equal, free_port, test
from tap import run_all

DIRECTORY = tempfile.mkdtemp(prefix="medes-valkey-")
PORT = free_port()
C = Cluster(3, f"[Registry]\nEngine=valkey\nServers=127.0.0.1:{PORT}\n", lease="5s")
valkey = []


def start_valkey():
    valkey.append(subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", os.environ.get("VALKEY_SERVER", "valkey-server"), "--port", str(PORT),
         "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", DIRECTORY], stdout=subprocess.DEVNULL))


def stop_valkey():
    server = valkey.pop()
    server.kill()
    server.wait()


def cluster_of(name):
    return C.daemons[name].get("/v1/status").json()["cluster"]


def leaders():
    return [name for name in ("n1", "n2") if C.daemons[name].process.poll() is None and cluster_of(name)["leads"]]


def leader():
    """The one that leads and commands the others."""
    until(lambda: len(leaders()) == 1)
    name = leaders()[0]
    alive = {other for other, daemon in C.daemons.items() if daemon.process.poll() is None}

    def commands_all():
        reply = C.daemons[name].get("/v1/controller")
        rows = reply.json()["nodes"] if reply.status == 200 else []
        return alive <= {row["node"] for row in rows if row["state"] == "commanded"}

    until(commands_all)
    return name


class Clients:
    """Of n3, one after the other; whatever they were told that was not the right answer."""

    def __init__(self, function):
        self.function, self.wrong, self.asked, self.stop = function, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.stop.is_set():
            reply = C.daemons["n3"].request("POST", f"/v1/functions/{self.function}/invoke", str(self.asked))
            if (reply.status, reply.body) != (200, str(self.asked).encode()):
                self.wrong.append((reply.status, reply.body))
            self.asked += 1

    def __enter__(self):
        self.thread.start()
        until(lambda: self.asked > 3)
        return self

    def __exit__(self, *_):
        asked = self.asked
        until(lambda: self.asked > asked + 3)
        self.stop.set()
        self.thread.join()


@test
def one_of_those_that_stand_for_it_leads_and_the_others_obey():
    def all_obey():
        name = leader()
        epoch = cluster_of(name)["epoch"]
        return all((of["obeyed_controller"], of["obeyed_epoch"]) == (name, epoch) for of in map(cluster_of, C.names))

    until(all_obey)
    equal(cluster_of("n3")["leads"], False)


@test
def another_one_takes_over_from_a_controller_that_dies():
    old = leader()
    epoch = cluster_of(old)["epoch"]
    with Clients("f") as clients:
        C.daemons[old].kill()
        began = time.monotonic()
        until(lambda: leaders() and leaders() != [old])
        took = time.monotonic() - began
        new = leader()
    equal(clients.wrong, [])
    equal(cluster_of(new)["epoch"] > epoch, True)
    equal(C.daemons[new].function("f")["spec"]["idempotent"], True)
    print(f"# took over after {took:.1f} s, {clients.asked} requests meanwhile", flush=True)
    C.daemons[old].start()
    equal(leader(), new)


@test
def one_that_stalls_does_not_command_when_it_goes_on():
    old = leader()
    with Clients("f") as clients:
        C.daemons[old].process.send_signal(signal.SIGSTOP)
        new = "n1" if old == "n2" else "n2"
        until(lambda: cluster_of(new)["leads"])
        C.daemons[old].process.send_signal(signal.SIGCONT)
        until(lambda: not cluster_of(old)["leads"])
        equal(leader(), new)
    equal(clients.wrong, [])
    until(lambda: all(cluster_of(node)["obeyed_controller"] == new for node in C.names))


@test
def one_that_ends_in_order_is_followed_at_once():
    old = leader()
    with Clients("f") as clients:
        C.daemons[old].process.terminate()
        equal(C.daemons[old].process.wait(), 0)
        until(lambda: leaders() and leaders() != [old])
        leader()
    # those that it was serving itself are told, with a status that says to ask again
    equal([status for status, _ in clients.wrong if status not in (502, 503)], [])
    C.daemons[old].start()
    leader()


@test
def without_the_server_nobody_leads_and_every_request_is_served():
    old = leader()
    epoch = cluster_of(old)["epoch"]
    with Clients("f") as clients:
        stop_valkey()
        until(lambda: not leaders())
        until(lambda: C.daemons["n3"].get("/v1/controller").status == 503)
        equal(C.daemons["n3"].request("PUT", "/v1/functions/f", {"command": ["/bin/true"]}).status, 503)
        # it comes back without what it knew: epochs go on from what the nodes have written down
        start_valkey()
        new = leader()
    equal(clients.wrong, [])
    # no epoch is two controllers'
    equal(cluster_of(new)["epoch"] >= epoch + (new != old), True)


def set_up():
    start_valkey()
    for name in C.names:
        C.start(name, more="Candidate=no" if name == "n3" else "")
    leader()
    C.daemons["n3"].put("f", idempotent=True)
    until(lambda: all(daemon.get("/v1/functions/f").status == 200 for daemon in C.daemons.values()))


def recover():
    if not valkey:
        start_valkey()
    for daemon in C.daemons.values():
        if daemon.process.poll() is not None:
            daemon.start()
        daemon.process.send_signal(signal.SIGCONT)
    leader()


def stop():
    try:
        C.stop()
    finally:
        stop_valkey()
        os.rmdir(DIRECTORY)


if __name__ == "__main__":
    run_all(TESTS, set_up, recover, stop, lambda: "".join(d.tail() for d in C.daemons.values()))
