#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A controller that runs no sandboxes (Serve=no) over one node: a request that comes before the node has heard of
its function waits for that, and one that no node can serve is told so, and when to ask again."""
from clusters import Cluster, until
from medesd import TESTS, equal, test
from tap import run_all

C = Cluster(2, "Controller=n1")
ROUNDS = 20


def commanded():
    reply = C.daemons["n1"].get("/v1/controller")
    return reply.status == 200 and any(row["node"] == "n2" and row["state"] == "commanded" for row in reply.json()["nodes"])


@test
def a_function_is_served_as_soon_as_it_was_added():
    for number in range(ROUNDS):
        C.daemons["n1"].put(f"at-once-{number}")
        reply = C.daemons["n1"].request("GET", f"/v1/functions/at-once-{number}/invoke/")
        equal((reply.status, reply.headers["Medes-Node"]), (200, "n2"), reply.body)
        equal(C.daemons["n1"].request("DELETE", f"/v1/functions/at-once-{number}").status, 200)


@test
def a_function_that_came_back_is_served_as_soon_as_it_was_added():
    for _ in range(ROUNDS):
        C.daemons["n1"].put("again")
        reply = C.daemons["n1"].request("GET", "/v1/functions/again/invoke/")
        equal((reply.status, reply.headers["Medes-Node"]), (200, "n2"), reply.body)
        equal(C.daemons["n1"].request("DELETE", "/v1/functions/again").status, 200)


@test
def a_controller_that_has_just_begun_serves_or_says_when_to_ask_again():
    C.daemons["n1"].put("stays")
    until(lambda: C.daemons["n2"].get("/v1/functions/stays").status == 200)
    C.daemons["n1"].kill()
    C.daemons["n1"].start()
    replies = []

    def answered():
        replies.append(C.daemons["n1"].request("GET", "/v1/functions/stays/invoke/"))
        return replies[-1].status == 200

    until(answered)
    equal(replies[-1].headers["Medes-Node"], "n2")
    equal([reply.headers["Retry-After"] for reply in replies[:-1] if reply.status != 503 or
           reply.headers["Retry-After"] != "1"], [])


@test
def with_no_node_a_request_is_refused_and_told_when_to_ask_again():
    until(commanded)
    C.daemons["n2"].kill()
    until(lambda: not commanded())
    reply = C.daemons["n1"].request("GET", "/v1/functions/stays/invoke/")
    equal((reply.status, reply.headers["Retry-After"]), (503, "1"), reply.body)
    assert b"Serve=no" in reply.body, reply.body
    C.daemons["n2"].start()
    until(commanded)
    equal(C.daemons["n1"].request("GET", "/v1/functions/stays/invoke/").status, 200)


def set_up():
    C.start("n1", "Serve=no")
    C.start("n2")
    until(commanded)


def recover():
    for daemon in C.daemons.values():
        if daemon.process.poll() is not None:
            daemon.start()
    until(commanded)


if __name__ == "__main__":
    run_all(TESTS, set_up, recover, C.stop, lambda: "".join(d.tail() for d in C.daemons.values()))
