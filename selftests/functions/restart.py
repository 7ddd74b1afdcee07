# SPDX-License-Identifier: GPL-2.0-or-later
"""A medesd that is killed, in every state of its sandboxes."""

import http.client
import threading
import time

from harness import ask, boxes, daemon, equal, live, lives, put_keeper, several, sleep, soon, test

@test("medesd killed while its sandboxes sleep finds them asleep")
def _():
    put_keeper()
    box = ask("keeper", 1, "cold")
    sleep("keeper")
    pages = live()
    daemon.kill()
    equal(live(), pages, "deduplicated pages")
    daemon.again()
    equal(lives("keeper"), ["dedup"])
    equal(live(), pages, "deduplicated pages")
    equal(ask("keeper", 3, "dedup"), box)
    sleep("keeper")


@test("medesd killed at any moment of going to sleep and waking")
def _():
    put_keeper(idempotent=True)
    ask("keeper", 1, "cold")
    for round_ in range(6):
        # idle, freezing, in the middle of it, or just done
        time.sleep(0.35 + 0.15 * round_)
        daemon.kill()
        daemon.again()
        soon(lambda: lives("keeper") in (["idle"], ["deduplicating"], ["dedup"]), "taken over")
        ask("keeper", 100 + round_)
        equal(len(boxes("keeper")), 1)
    sleep("keeper")


@test("medesd killed in the middle of invocations")
def _():
    put_keeper()
    several("keeper", 2, 1)
    before = {box["name"] for box in boxes("keeper")}
    errors, stop = [], threading.Event()

    def client(first):
        seed = first
        while not stop.is_set():
            try:
                ask("keeper", seed)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)        # medesd is away
            except AssertionError as error:
                errors.append(error)
            seed += 1

    threads = [threading.Thread(target=client, args=(1000 * n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(1)
        daemon.kill()
        daemon.again()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    equal(errors, [])
    assert before <= {box["name"] for box in boxes("keeper")}, boxes("keeper")
