#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed beside the program: example configurations, example functions, the unit."""
import configparser
import glob
import json
import os
import shutil
import subprocess
import tempfile

from medesd import MEDESD, Skip, equal, run_tests, test

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../daemon")
CONFIGS = sorted(glob.glob(os.path.join(HERE, "examples/*.conf"))) + [os.path.join(HERE, "medesd.conf")]
UNITS = sorted(os.path.basename(path)[:-len(".service")] for path in glob.glob(os.path.join(HERE, "*.service")))
FUNCTIONS = sorted(glob.glob(os.path.join(HERE, "examples/*.json")))


@test
def example_configurations_are_good(_):
    equal(len(CONFIGS), 8)
    with tempfile.TemporaryDirectory() as directory:
        # the files that they name
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", f"{directory}/valkey.password", "-out", f"{directory}/valkey-ca.pem", "-subj",
                        "/CN=valkey"], capture_output=True, check=True)
        os.chmod(f"{directory}/valkey.password", 0o600)
        for path in CONFIGS:
            with open(path, encoding="ascii") as file, open(f"{directory}/medesd.conf", "w", encoding="ascii") as copy:
                copy.write(file.read().replace("/etc/medes/valkey", f"{directory}/valkey"))
            done = subprocess.run([MEDESD, "--check-config", "--config", copy.name], capture_output=True, text=True,
                                  check=False)
            equal((done.returncode, "good" in done.stdout), (0, True), done.stderr)


@test
def example_functions_are_taken(d):
    equal(len(FUNCTIONS), 3)
    for path in FUNCTIONS:
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
        reply = d.request("PUT", f"/v1/functions/{spec['name']}", spec)
        equal(reply.status, 201, reply.body)


class Repeated(configparser.RawConfigParser):  # pylint: disable=too-many-ancestors
    def optionxform(self, optionstr):
        return optionstr


def unit_of(name):
    unit = Repeated(strict=True)
    unit.read(os.path.join(HERE, f"{name}.service"))
    return unit


@test
def units_have_what_the_daemon_relies_on(_):
    equal(UNITS, ["medesd", "medesd-controller", "medesd-node"])
    for name, role in ("medesd", None), ("medesd-node", "node"), ("medesd-controller", "controller"):
        unit = unit_of(name)
        service = dict(unit["Service"])
        equal(service["Type"], "notify")
        equal((service["RuntimeDirectory"], service["StateDirectory"]), ("medes", "medes"))
        equal(service["ExecStart"], "@sbindir@/medesd" + (f" --role {role}" if role else ""))
        # one socket, one state: one of them
        equal(set(unit["Unit"]["Conflicts"].split()), {f"{other}.service" for other in UNITS if other != name})
        if role == "controller":
            equal(service["CapabilityBoundingSet"], "")
            continue
        # sandboxes live beside it, and outlive it when it crashes
        equal((service["DelegateSubgroup"], service["KillMode"]), ("supervisor", "process"))
        equal(set(service["Delegate"].split()), {"cpu", "memory", "pids"})


@test
def units_are_ones_that_systemd_understands(_):
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze here")
    with tempfile.TemporaryDirectory() as directory:
        for name in UNITS:
            path = os.path.join(directory, f"{name}.service")
            with open(os.path.join(HERE, f"{name}.service"), encoding="ascii") as file, \
                    open(path, "w", encoding="ascii") as made:
                made.write(file.read().replace("@sbindir@/medesd", MEDESD))
        for name in UNITS:
            path = os.path.join(directory, f"{name}.service")
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True,
                                  check=False)
            said = [line for line in done.stderr.splitlines() if ".service:" in line and "medesd" in line]
            equal((done.returncode, said), (0, []))


@test
def a_role_that_the_configuration_contradicts_is_refused(_):
    conf = os.path.join(HERE, "examples/cluster.conf")

    def check(*args):
        done = subprocess.run([MEDESD, "--check-config", "--config", conf, *args], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    equal([check("--role", role)[0] for role in ("both", "controller")], [0, 0])
    status, text = check("--role", "node")
    equal((status, "Controller=n1 is this node" in text), (1, True), text)
    equal(check("--role", "king")[0], 2)


if __name__ == "__main__":
    run_tests()
