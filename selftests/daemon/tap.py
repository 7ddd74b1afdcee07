# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP, for tests in Python."""
import sys
import time
import traceback


class Skip(Exception):
    """The machine lacks what the test needs."""


def explain(tail):
    for line in (traceback.format_exc() + tail()).splitlines():
        print("#", line[:200], flush=True)


def run_all(tests, set_up, recover, stop, tail):
    """What one leaves is the next one's, but for one that failed, after which all is put in order.
    set_up: returns what each test is given, or None; tail: words for somebody who has to find out."""
    only = sys.argv[1:]
    tests = [one for one in tests if not only or one.__name__ in only]
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    failed = 0
    given = set_up() or ()
    for number, function in enumerate(tests, 1):
        begun = time.monotonic()
        name = function.__name__.replace("_", " ")
        try:
            function(*given)
            print(f"ok {number} {name} # {time.monotonic() - begun:.1f} s", flush=True)
        except Skip as reason:
            print(f"ok {number} {name} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} {name}", flush=True)
            explain(tail)
            recover()
    try:
        stop()
    except AssertionError as error:
        print(f"# {error}")
        failed += 1
    sys.exit(1 if failed else 0)
