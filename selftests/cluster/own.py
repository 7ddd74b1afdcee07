#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests have another guest do, as the owner of a base.

    own.py join                     load the module anew, join
    own.py base NAME SEED PAGES MIX have a base, export it; prints BASE/GENERATION
    own.py copy NAME ADDRESS/BASE/GENERATION
                                    have a copy of another node's, export that; likewise"""

import subprocess
import sys

from nodes import DOMAIN, NODE, ctl, daemon, join
from harness import guests


def own_join():
    subprocess.run(["modprobe", "-r", "medes"], check=False)
    subprocess.run(["modprobe", "medes"], check=True)
    join(NODE)


def own_base(name, seed, pages, mix):
    """A base of a process that ends, and a daemon that ends: what stays is the kernel's."""
    daemon.start()
    with guests(int(seed), pages=int(pages), mix=mix) as guest:
        ctl("sandbox", "add", name, "--pid", str(guest.pid), "--domain", DOMAIN)
        ctl("base", "add", name, "--name", name)
        print(ctl("base", "export", name).out.strip())
    daemon.stop()


def own_copy(name, replica):
    daemon.start()
    ctl("peer", "add", replica.split("/")[0])
    ctl("base", "import", "far", replica, "--domain", DOMAIN, "--wait")
    ctl("base", "copy", "far", name)
    ctl("base", "remove", "far")
    ctl("peer", "remove", replica.split("/")[0])
    print(ctl("base", "export", name).out.strip())
    daemon.stop()


PARTS = {"join": own_join, "base": own_base, "copy": own_copy}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
