# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of several medesd on loopback share: certificates, configurations, a network between them
that can be cut, and a client with a node's certificate."""
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

from medesd import BUILD, Daemon, equal, free_port, soon

MEDESCTL = os.path.join(BUILD, "medesctl/medesctl")


def ctl(*args, code=0):
    done = subprocess.run([MEDESCTL, *args], capture_output=True, text=True, check=False)
    equal(done.returncode, code, f"{args}: {done.stdout} {done.stderr}")
    return done.stdout + done.stderr


def make_pki(cluster, nodes):
    """A directory with an authority and a certificate for each node."""
    directory = tempfile.mkdtemp(prefix="medes-pki-")
    ctl("cluster", "init", cluster, "--dir", directory)
    for node in nodes:
        ctl("cluster", "certificate", node, "--dir", directory)
    return directory


def knock(port, certificate=None, request=b"GET /v1/cluster HTTP/1.0\r\n\r\n", version=None):
    """What a client with that certificate gets from a cluster's port: text, or ""."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(*certificate)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        try:
            with context.wrap_socket(plain) as secret:
                secret.sendall(request)
                answer = b""
                while chunk := secret.recv(65536):
                    answer += chunk
                return answer.decode()
        except (ssl.SSLError, ConnectionError):
            return ""


def until(condition):
    """Asked rarely: all daemons of a cluster are on this machine."""
    soon(condition, pause=0.05)


class Wire:
    """A way to a port that can be cut: nothing passes any more, and nobody is told; or torn, which
    both ends notice at once."""

    def __init__(self, port):
        self.to, self.whole, self.pairs, self.answers = port, True, [], None
        self.passes = threading.Event()
        self.passes.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
                there = socket.create_connection(("127.0.0.1", self.to), timeout=30)
            except OSError:
                if self.listener.fileno() < 0:
                    return
                here.close()
                continue
            there.settimeout(None)
            self.pairs.append((here, there))
            for one, other in (here, there), (there, here):
                threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, one, other):
        try:
            while data := one.recv(65536):
                self.passes.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.passes.clear()

    def mend(self):
        self.tear()         # what was held back must not arrive late
        self.passes.set()

    def tear(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()

    def close(self):
        self.passes.set()
        self.listener.close()
        self.tear()


class Cluster:
    """Nodes n1, n2, ... of a cluster "prod" that know each other; wires lead from each to each."""

    def __init__(self, n, common="", lease="10s"):
        self.names = [f"n{i}" for i in range(1, n + 1)]
        self.pki = make_pki("prod", self.names)
        self.ports = {name: free_port() for name in self.names}
        self.wires = {(a, b): Wire(self.ports[b]) for a in self.names for b in self.names if a != b}
        self.common, self.lease, self.daemons = common, lease, {}

    def config(self, name, more="", functions=""):
        first = 21000 + 700 * self.names.index(name)
        text = f"""FirstPort={first}
LastPort={first + 699}
{functions}
[Cluster]
Name=prod
Node={name}
Key={self.pki}/cluster.key
Certificates={self.pki}
Listen=127.0.0.1:{self.ports[name]}
Interval=250ms
Lease={self.lease}
{more}
{self.common}
"""
        return text + "".join(f"[Node {other}]\nAddress=127.0.0.1\nPort={self.wires[name, other].port}\n"
                              for other in self.names if other != name)

    def start(self, name, more="", functions=""):
        self.daemons[name] = Daemon(self.config(name, more, functions))
        return self.daemons[name]

    def restart(self, name, more="", functions=""):
        """With another configuration, and what it had."""
        daemon = self.daemons[name]
        daemon.process.terminate()
        equal(daemon.process.wait(), 0, daemon.tail())
        daemon.configure(self.config(name, more, functions))
        daemon.start()

    def certificate(self, name):
        return f"{self.pki}/{name}.pem", f"{self.pki}/{name}.key"

    def isolate(self, name, how="cut"):
        for pair, wire in self.wires.items():
            if name in pair:
                getattr(wire, how)()

    def stop(self):
        bad = []
        for daemon in self.daemons.values():
            try:
                daemon.stop()
            except AssertionError as error:
                bad.append(str(error))
                daemon.kill()
        equal(bad, [])
        for wire in self.wires.values():
            wire.close()
        shutil.rmtree(self.pki)
