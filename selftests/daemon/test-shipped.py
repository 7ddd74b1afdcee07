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
FUNCTIONS = sorted(glob.glob(os.path.join(HERE, "examples/*.json")))


@test
def example_configurations_are_good(_):
    equal(len(CONFIGS), 7)
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


@test
def unit_has_what_the_daemon_relies_on(_):
    unit = Repeated(strict=True)
    unit.read(os.path.join(HERE, "medesd.service"))
    service = dict(unit["Service"])
    equal(service["Type"], "notify")
    # sandboxes live beside it, and outlive it when it crashes
    equal((service["DelegateSubgroup"], service["KillMode"]), ("supervisor", "process"))
    equal(set(service["Delegate"].split()), {"cpu", "memory", "pids"})
    equal((service["RuntimeDirectory"], service["StateDirectory"]), ("medes", "medes"))


@test
def unit_is_one_that_systemd_understands(_):
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze here")
    with tempfile.TemporaryDirectory() as directory, open(os.path.join(HERE, "medesd.service"), encoding="ascii") as file:
        path = os.path.join(directory, "medesd.service")
        with open(path, "w", encoding="ascii") as made:
            made.write(file.read().replace("@sbindir@/medesd", MEDESD))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False)
    equal((done.returncode, [line for line in done.stderr.splitlines() if "medesd.service" in line]), (0, []))


if __name__ == "__main__":
    run_tests()
