#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One controller over three nodes, on loopback and without the module: functions are everywhere, requests go
where they should, and whatever breaks costs time or a stated refusal, never a wrong answer."""
import itertools
import json
import threading
import urllib.parse

from clusters import Cluster, ctl, knock, until
from medesd import NOOP, TESTS, Gate, equal, metrics, test
from tap import run_all

C = Cluster(3, "Controller=n1")
LEASE_MS = 10000
NUMBERS = itertools.count(1)


def overview(daemon):
    """The controller may be about to change, and nobody knows then."""
    replies = []

    def answered():
        replies.append(daemon.get("/v1/controller"))
        return replies[-1].status == 200

    until(answered)
    return replies[-1].json()


def rows(daemon):
    return {row["node"]: row for row in overview(daemon)["nodes"]}


def commanded(*names, by="n1"):
    until(lambda: all(rows(C.daemons[by])[name]["state"] == "commanded" for name in names))


def everywhere(name, there=True):
    until(lambda: all((d.get(f"/v1/functions/{name}").status == 200) == there for d in C.daemons.values()))


def add(name, at="n1", **spec):
    C.daemons[at].put(name, **spec)
    everywhere(name)


def boxes(node, function):
    return C.daemons[node].function(function)["sandboxes"]


def count(function):
    return {node: len(boxes(node, function)) for node in C.daemons}


def invoke(at, function, path="", method="GET", status=200, **how):
    reply = C.daemons[at].request(method, f"/v1/functions/{function}/invoke{path}", how.get("body"), how.get("headers"))
    equal(reply.status, status, reply.body)
    return reply


def post(node, sender, path, body=b"", headers=None, method="POST"):
    """What a node gets from the port of another one: status, object or text."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"{method} {path} HTTP/1.0", f"Content-Length: {len(data)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    answer = knock(C.ports[node], C.certificate(sender), "\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    head, _, rest = answer.partition("\r\n\r\n")
    try:
        return int(head.split()[1]), json.loads(rest)
    except ValueError:
        return int(head.split()[1]), rest


def warm(function):
    """The controller has heard of its one sandbox."""
    until(lambda: "sandboxes\t1: 1 warm" in C.daemons["n1"].get(f"/v1/functions/{function}/explain").json()["text"])


def command(node, sender, epoch, acts=(), life=None, hold=LEASE_MS):
    if life is None:
        life = post(node, sender, "/v1/cluster/obey", {"epoch": epoch, "hold_ms": hold, "life": "", "acts": []})
        if life[0] != 200:
            return life
        life = life[1]["report"]["life"]
    return post(node, sender, "/v1/cluster/obey", {"epoch": epoch, "hold_ms": hold, "life": life, "acts": list(acts)})


def epoch():
    return overview(C.daemons["n1"])["epoch"]


# ---- functions --------------------------------------------------------------------

@test
def functions_are_added_changed_and_removed_everywhere():
    add("f", at="n1")
    add("g", at="n3")                       # passed on to the controller
    equal(C.daemons["n2"].request("POST", "/v1/functions", {"name": "g", "command": [NOOP]}).status, 409)
    equal(C.daemons["n2"].request("PUT", "/v1/functions/g", {"command": "no"}).status, 422)
    C.daemons["n2"].put("f", env={"A": "1"})
    until(lambda: all(d.function("f")["spec"].get("env") == {"A": "1"} for d in C.daemons.values()))
    equal(invoke("n3", "f", "/env/A").body, b"1")
    for name, at in ("f", "n1"), ("g", "n2"):
        equal(C.daemons[at].request("DELETE", f"/v1/functions/{name}").status, 200)
        everywhere(name, there=False)
    equal(C.daemons["n2"].request("DELETE", "/v1/functions/g").status, 404)


@test
def a_node_that_was_away_learns_what_changed_meanwhile():
    add("stays")
    add("goes")
    C.daemons["n3"].kill()
    equal(C.daemons["n1"].request("DELETE", "/v1/functions/goes").status, 200)
    C.daemons["n1"].put("new")
    C.daemons["n1"].put("stays", env={"B": "2"})
    C.daemons["n3"].start()
    everywhere("new")
    everywhere("goes", there=False)
    until(lambda: C.daemons["n3"].function("stays")["spec"].get("env") == {"B": "2"})
    # and what it knows outlasts it
    C.daemons["n3"].kill()
    C.daemons["n3"].start()
    equal(C.daemons["n3"].function("stays")["spec"]["env"], {"B": "2"})
    commanded("n2", "n3")


# ---- requests ---------------------------------------------------------------------

@test
def every_node_serves_every_client_from_the_same_sandbox():
    add("one")
    first = invoke("n2", "one", "/pid")
    equal(first.headers["Medes-Start"], "cold")
    warm("one")
    for at in C.names * 2:
        reply = invoke(at, "one", "/pid")
        equal((reply.headers["Medes-Start"], reply.headers["Medes-Node"], reply.body),
              ("warm", first.headers["Medes-Node"], first.body))
    equal(sum(count("one").values()), 1)


@test
def a_request_goes_through_as_it_is():
    add("pass", env={"X": "y"})
    reply = invoke("n3", "pass", "/large/70000?a=b&domain=default", headers={"Medes-Id": "mine", "Medes-Epoch": "9"})
    equal(len(reply.body), 70000)
    equal(reply.headers["X-Noop"], "yes")
    warm("pass")
    equal(invoke("n2", "pass", method="POST", body="x" * 100000).body, b"x" * 100000)
    equal(invoke("n2", "pass", "/status/503", status=503).headers["Medes-Start"], "warm")
    equal(C.daemons["n3"].tcp("GET", "/v1/functions/pass/invoke").status, 401)
    name = urllib.parse.quote("pass")
    equal(C.daemons["n3"].tcp("GET", f"/v1/functions/{name}/invoke", "tenant-token-of-a-shop").status, 404)
    equal(C.daemons["n2"].invoke("no").status, 404)


def at_once(n, function, **spec):
    """So many requests, none of which is served before all have been placed: the nodes that they went to."""
    replies = []

    def ask(i):
        replies.append(invoke(C.names[i % 3], function))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(n)]
    with Gate() as gate:
        add(function, command=gate.command, start_timeout_ms=60000, queue_timeout_ms=60000, **spec)
        for thread in threads:
            thread.start()
        until(lambda: sum(count(function).values()) == n)
    for thread in threads:
        thread.join()
    return sorted(reply.headers["Medes-Node"] for reply in replies)


@test
def requests_at_once_are_spread_over_the_nodes():
    equal(at_once(6, "wide"), ["n1", "n1", "n2", "n2", "n3", "n3"])


@test
def new_sandboxes_go_where_memory_is():
    C.restart("n1", functions="[Memory]\nCapacity=16M")
    commanded("n1", "n2", "n3")
    try:
        equal(rows(C.daemons["n1"])["n1"]["memory"]["room"] < 64 << 20, True)
        equal(at_once(4, "room", memory_bytes=64 << 20), ["n2", "n2", "n3", "n3"])
    finally:
        C.restart("n1")
        commanded("n1", "n2", "n3")


@test
def a_function_that_was_added_elsewhere_is_served_at_once():
    # n2 cannot be told of it, and can ask
    C.wires["n1", "n2"].cut()
    try:
        C.daemons["n1"].put("fresh")
        equal(C.daemons["n2"].get("/v1/functions/fresh").status, 404)
        assert invoke("n2", "fresh").headers["Medes-Node"] in ("n1", "n3")
        equal(C.daemons["n2"].get("/v1/functions/fresh/explain").status, 200)
        equal(C.daemons["n2"].invoke("stale").status, 404)
        C.daemons["n1"].request("PUT", "/v1/functions/theirs", {})
        equal(C.daemons["n2"].invoke("theirs").status, 422)
        equal(C.daemons["n1"].request("DELETE", "/v1/functions/theirs").status, 200)
        equal(C.daemons["n2"].request("DELETE", "/v1/functions/fresh").status, 200)
        equal(C.daemons["n2"].invoke("fresh").status, 404)
    finally:
        C.wires["n1", "n2"].mend()
    commanded("n2")


def slow_request(at, function, answers, gate, method="GET"):
    def ask():
        reply = C.daemons[at].request(method, f"/v1/functions/{function}/invoke{gate.path}")
        answers.append((reply.status, reply.body, reply.headers["Medes-Node"]))

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def only_at(node, function):
    """Has one warm sandbox, there."""
    act = {"id": f"only-{next(NUMBERS)}", "do": "start", "domain": "default", "name": function, "n": 1,
           "why": "a test"}
    equal(command(node, "n1", epoch(), [act])[1]["results"][0]["done"], True)
    until(lambda: [box["life"] for box in boxes(node, function)] == ["idle"])
    warm(function)
    equal(invoke("n1", function).headers["Medes-Node"], node)


# ---- commands ---------------------------------------------------------------------

@test
def a_superseded_controller_is_refused_with_a_status_of_its_own():
    now = epoch()
    status, answer = command("n2", "n3", now)
    equal(status, 412, answer)
    assert f"epoch {now} of controller n3: this node obeys epoch {now} of controller n1" in answer["error"], answer
    equal(answer["obeyed_epoch"], now)
    equal(command("n2", "n3", now - 1)[0] if now > 1 else 412, 412)
    for how in ({"epoch": 0}, {"epoch": "1"}, {"hold_ms": -1}, {"acts": {}}, {"more": 1}):
        body = {"epoch": now, "hold_ms": 0, "life": "", "acts": []} | how
        equal(post("n2", "n1", "/v1/cluster/obey", body)[0], 422, how)
    headers = {"Medes-Domain": "default", "Medes-Epoch": now, "Medes-Id": "x"}
    equal(post("n2", "n3", "/v1/cluster/functions/one/invoke", headers=headers)[0], 412)
    equal(C.daemons["n2"].get("/v1/status").json()["cluster"]["obeyed_controller"], "n1")


@test
def a_higher_epoch_is_obeyed_and_the_old_controller_goes_above_it():
    before = epoch()
    equal(command("n2", "n3", before + 5, hold=0)[0], 200)
    # n1 is told, and as the configuration says that it leads, it does so again
    until(lambda: epoch() > before + 5)
    commanded("n1", "n2", "n3")
    equal(command("n2", "n3", before + 5)[0], 412)
    # written down: a restart forgets nothing
    C.daemons["n2"].kill()
    C.daemons["n2"].start()
    equal(command("n2", "n3", before + 5)[0], 412)
    commanded("n2")


@test
def an_act_that_comes_again_is_not_done_again():
    add("acts")
    act = {"id": "test-1", "do": "start", "domain": "default", "name": "acts", "n": 1, "why": "a test"}
    for _ in range(3):
        status, answer = command("n3", "n1", epoch(), [act])
        equal((status, answer["results"]), (200, [{"id": "test-1", "done": True, "started": 1}]))
    equal(len(boxes("n3", "acts")), 1)
    for bad, says in [({"id": "test-2", "do": "dance"}, "knows no act"), ({"do": "start"}, "needs an id"),
                      ({"id": "test-3", "do": "deduplicate", "sandbox": "no"}, "no sandbox"),
                      ({"id": "test-4", "do": "function", "domain": "default", "name": "x"}, "revision")]:
        for _ in range(2):
            result = command("n3", "n1", epoch(), [bad])[1]["results"][0]
            assert says in result["error"], result
    # an act for a daemon that has ended since is none for the next one
    act["id"] = "test-5"
    result = command("n3", "n1", epoch(), [act], life="0123456789abcdef")[1]["results"][0]
    equal(result["done"], False)
    assert "earlier life" in result["error"]
    equal(len(boxes("n3", "acts")), 1)


@test
def a_sandbox_that_cannot_be_deduplicated_says_why():
    add("warm")
    node = "n2"
    only_at(node, "warm")
    name = boxes(node, "warm")[0]["name"]
    result = command(node, "n1", epoch(), [{"id": "d-1", "do": "deduplicate", "sandbox": name}])
    assert "module is not loaded" in result[1]["results"][0]["error"], result
    equal(command(node, "n1", epoch(), [{"id": "d-2", "do": "purge", "sandbox": name, "why": "a test"}])
          [1]["results"][0]["done"], True)
    until(lambda: not boxes(node, "warm"))


@test
def a_request_that_comes_again_runs_once():
    add("once")
    headers = {"Medes-Domain": "default", "Medes-Epoch": epoch(), "Medes-Id": "again-1"}
    answers = []
    with Gate() as gate:
        path = f"/v1/cluster/functions/once/invoke{gate.path}"
        asks = [threading.Thread(target=lambda: answers.append(post("n2", "n1", path, headers=headers)))
                for _ in range(2)]
        asks[0].start()
        until(lambda: any(box["in_flight"] for box in boxes("n2", "once")))
        # while it runs: whoever asks last gets the answer
        asks[1].start()
        asks[0].join()
    asks[1].join()
    equal([status for status, _ in answers], [409, 200])
    # and when it has run
    equal(post("n2", "n1", path, headers=headers)[0], 200)
    equal([box["served"] for box in boxes("n2", "once")], [1])
    headers["Medes-Id"] = "again-2"
    path = "/v1/cluster/functions/once/invoke/large/300000"
    equal(post("n2", "n1", path, headers=headers)[0], 200)
    status, answer = post("n2", "n1", path, headers=headers)
    equal((status, "too large" in answer["error"]), (409, True))
    equal([box["served"] for box in boxes("n2", "once")], [2])


# ---- policy -----------------------------------------------------------------------

@test
def the_policy_decides_over_the_counts_of_the_cluster():
    equal(len(set(at_once(6, "aged", policy={"keep_alive": "8s", "idle": "1s"}))), 3)

    def sees_all():
        text = C.daemons["n2"].get("/v1/functions/aged/explain").json()["text"]
        return f"sandboxes\t{sum(count('aged').values())}:" in text

    until(sees_all)
    until(lambda: sum(count("aged").values()) == 0)
    assert "purge: idle for the keep-alive period" in "".join(C.daemons[n].log_text() for n in C.names)


# ---- what breaks ------------------------------------------------------------------

@test
def a_connection_that_breaks_loses_no_request_and_runs_none_twice():
    add("torn")
    only_at("n2", "torn")
    served = boxes("n2", "torn")[0]["served"]
    answers = []
    with Gate() as gate:
        thread = slow_request("n1", "torn", answers, gate, "POST")
        until(lambda: boxes("n2", "torn")[0]["in_flight"])
        C.wires["n1", "n2"].tear()
    thread.join()
    equal(answers, [(200, b"come", "n2")])
    equal(boxes("n2", "torn")[0]["served"], served + 1)


@test
def a_node_that_dies_with_a_request_costs_a_repetition_or_a_stated_refusal():
    for name, idempotent in ("safe", True), ("unsafe", False):
        add(name, idempotent=idempotent)
        only_at("n3", name)
        answers = []
        with Gate() as gate:
            thread = slow_request("n2", name, answers, gate, "POST")
            until(lambda name=name: boxes("n3", name)[0]["in_flight"])
            C.daemons["n3"].kill()
        thread.join()
        if idempotent:
            equal(answers[0][0], 200)
            assert answers[0][2] in ("n1", "n2")
        else:
            equal(answers[0][0], 502)
            assert b"not repeated, since it is not known to be idempotent" in answers[0][1], answers
        # those that come now do not meet it
        equal(invoke("n2", name, method="POST").status, 200)
        C.daemons["n3"].start()
        commanded("n1", "n2", "n3")


@test
def a_node_that_is_cut_off_is_not_asked_and_its_truth_wins_when_it_returns():
    add("far", idempotent=True)
    only_at("n2", "far")
    answers = []
    with Gate() as gate:
        thread = slow_request("n1", "far", answers, gate)
        until(lambda: boxes("n2", "far")[0]["in_flight"])
        C.isolate("n2")
    # the request that was there is served elsewhere, within the time that it takes to notice
    thread.join()
    equal(answers[0][0], 200)
    assert answers[0][2] != "n2"
    equal(rows(C.daemons["n1"])["n2"]["state"], "out of reach")
    equal(invoke("n3", "far").headers["Medes-Node"] != "n2", True)
    # cut off, n2 serves its own clients by itself, with what it has
    until(lambda: C.daemons["n2"].invoke("far").headers["Medes-Node"] == "n2")
    until(lambda: C.daemons["n2"].request("PUT", "/v1/functions/far", {"command": [NOOP]}).status == 503)
    here = {box["name"] for box in boxes("n2", "far")}
    C.isolate("n2", "mend")
    commanded("n1", "n2", "n3")
    equal({box["name"] for box in boxes("n2", "far")}, here)
    until(lambda: rows(C.daemons["n1"])["n2"].get("sandboxes", {}).get("idle", 0) >= len(here))


@test
def the_controller_dies_at_every_step_of_a_request():
    add("step", idempotent=True)
    only_at("n2", "step")
    # 1: before it came: its clients are refused the connection, others are served by their node
    C.daemons["n1"].kill()
    equal(C.daemons["n3"].invoke("step").status, 200)
    C.daemons["n1"].start()
    commanded("n1", "n2", "n3")
    # 2: while the node serves it: the client's node repeats what may be repeated
    answers = []
    with Gate() as gate:
        thread = slow_request("n3", "step", answers, gate)
        until(lambda: any(box["in_flight"] for name in ("n2", "n3") for box in boxes(name, "step")))
        C.daemons["n1"].kill()
    thread.join()
    equal(answers[0][:2], (200, b"come"))
    # 3: when it has been served: nothing is lost with the controller
    here = len(boxes("n2", "step"))
    C.daemons["n1"].start()
    commanded("n1", "n2", "n3")
    equal(len(boxes("n2", "step")), here)
    equal(invoke("n1", "step").headers["Medes-Start"], "warm")


@test
def medesctl_top_shows_the_cluster_at_whichever_node():
    add("shown")
    invoke("n3", "shown")
    for daemon in C.daemons.values():
        text = ctl("--socket", daemon.socket, "top", "--cluster")
        assert text.startswith("controller n1, epoch "), text
        lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
        equal([lines[name][1] for name in ("NODE", "n1", "n2", "n3")], ["STATE"] + 3 * ["commanded"], text)
    nodes = json.loads(ctl("--socket", C.daemons["n2"].socket, "top", "--cluster", "-j"))["nodes"]
    assert sum(row["sandboxes"]["idle"] + row["sandboxes"]["running"] for row in nodes) > 0, nodes
    assert all(row["memory"]["available"] > 0 for row in nodes), nodes


@test
def the_controller_is_counted():
    invoke("n2", "shown")
    lead, follow = (metrics(C.daemons[name]) for name in ("n1", "n2"))
    assert "medes_controller_leads 1" in lead and "medes_controller_leads 0" in follow, lead
    equal([line for line in follow if line.startswith("medes_controller_node")], [])
    for node in C.names:
        assert f'medes_controller_node_commanded{{node="{node}"}} 1' in lead, lead
    assert f"medes_obeyed_epoch {epoch()}" in lead and f"medes_obeyed_epoch {epoch()}" in follow, follow
    # passed on by the node that was asked
    passed = dict(line.rsplit(" ", 1) for line in follow)["medes_cluster_answers_total"]
    assert int(passed) > 0, follow


@test
def a_node_that_is_drained_hands_over_what_it_serves():
    add("moved", idempotent=True)
    only_at("n2", "moved")
    failed, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            reply = C.daemons["n3"].invoke("moved")
            if reply.status != 200:
                failed.append((reply.status, reply.body))

    thread = threading.Thread(target=keep_asking)
    thread.start()
    equal(C.daemons["n1"].request("POST", "/v1/nodes/n2/drain", {}).status, 200)
    until(lambda: not boxes("n2", "moved") and any(boxes(name, "moved") for name in ("n1", "n3")))
    stop.set()
    thread.join()
    equal(failed, [])
    until(lambda: C.daemons["n1"].request("POST", "/v1/nodes/n2/drain", {}).json()["state"] == "drained")
    equal(invoke("n1", "moved").headers["Medes-Node"] != "n2", True)
    C.daemons["n1"].request("POST", "/v1/nodes/n2/uncordon", {})
    until(lambda: not rows(C.daemons["n1"])["n2"]["draining"])


@test
def a_node_of_the_older_protocol_is_spoken_to_in_it():
    C.restart("n3", more="Protocol=1")
    until(lambda: rows(C.daemons["n1"])["n3"]["state"] == "older protocol")
    until(lambda: {"up"} == {node["state"] for node in C.daemons["n1"].get("/v1/nodes").json()["nodes"]
                             if node["name"] == "n3"})
    equal(post("n3", "n1", "/v1/cluster/obey", {"epoch": 99, "hold_ms": 0, "life": "", "acts": []})[0], 404)
    # it is served by others, and has what it had; cordon and drain are in the older protocol, too
    C.daemons["n1"].put("rolling")
    equal({invoke(at, "rolling").headers["Medes-Node"] for at in ("n1", "n2")} & {"n3"}, set())
    equal(C.daemons["n1"].request("POST", "/v1/nodes/n3/drain", {}).status, 200)
    C.daemons["n1"].request("POST", "/v1/nodes/n3/uncordon", {})
    equal(C.daemons["n3"].put("own")["name"], "own")
    # upgraded, it is one of them, and what it was given meanwhile becomes everybody's
    C.restart("n3")
    commanded("n1", "n2", "n3")
    everywhere("own")
    everywhere("rolling")


def set_up():
    for name in C.names:
        C.start(name)
    commanded("n1", "n2", "n3")


def recover():
    C.isolate("n2", "mend")
    for name, daemon in C.daemons.items():
        if daemon.process.poll() is None:
            C.restart(name)
        else:
            daemon.configure(C.config(name))
            daemon.start()
    C.daemons["n1"].request("POST", "/v1/nodes/n2/uncordon", {})


if __name__ == "__main__":
    run_all(TESTS, set_up, recover, C.stop, lambda: "".join(d.tail() for d in C.daemons.values()))
