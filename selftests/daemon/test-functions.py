#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions on a medesd without the module: what is run, who may do what, what hostile and
unlucky clients get, and what a medesd finds that was killed."""
import contextlib
import http.client
import os
import socket
import threading
import time

from medesd import ADMIN, NOOP, PATIENCE, TENANT, Gate, Unix, equal, metrics, needs_cgroups, run_tests, soon, test


def config(timeout):
    return f"MaxBody=900K\n[Http]\nTimeout={timeout}\nMaxStreams=16\nMaxConnections=100\n"


def at_once(n, ask, come):
    """So many requests, of which those that wait at a gate go on when come(replies so far) says that all are there."""
    replies = []
    with Gate() as gate:
        threads = [threading.Thread(target=lambda: replies.append(ask(gate.path))) for _ in range(n)]
        for thread in threads:
            thread.start()
        soon(lambda: come(replies))
    for thread in threads:
        thread.join()
    return replies


def serving(d, function):
    return sum(bool(box["in_flight"]) for box in d.function(function)["sandboxes"])


@test
def cold_then_warm(d):
    d.put("f")
    reply = d.invoke("f")
    equal((reply.status, reply.body, reply.headers["Medes-Start"]), (200, b"ok", "cold"))
    assert reply.headers["X-Noop"] == "yes" and float(reply.headers["Medes-Start-Ms"]) > 0
    again = d.invoke("f")
    equal((again.status, again.headers["Medes-Start"]), (200, "warm"))
    equal(again.headers["Medes-Sandbox"], reply.headers["Medes-Sandbox"])


@test
def body_path_query_and_status_go_through(d):
    equal(d.invoke("f", method="POST", body="x" * 100000).body, b"x" * 100000)
    equal(d.invoke("f", "/status/418").status, 418)
    equal(d.invoke("f", "/no%20such?a=b").status, 404)
    equal(len(d.invoke("f", "/large/3000000").body), 3000000)


@test
def sandbox_has_its_own_user_pids_and_environment(d):
    d.put("env", env={"COLOUR": "blue"})
    equal(d.invoke("env", "/pid").body, b"1")
    equal(d.invoke("env", "/env/COLOUR").body, b"blue")
    port = d.function("env")["sandboxes"][0]["address"].split(":")[1]
    equal(d.invoke("env", "/env/PORT").body.decode(), port)
    pid = d.function("env")["sandboxes"][0]["pid"]
    equal(os.stat(f"/proc/{pid}").st_uid, 65534)
    for space in ("pid", "mnt", "ipc", "uts"):
        assert os.readlink(f"/proc/{pid}/ns/{space}") != os.readlink(f"/proc/self/ns/{space}"), space


@test
def concurrent_requests_get_sandboxes_of_their_own(d):
    d.put("many", max_sandboxes=4)
    replies = at_once(4, lambda path: d.invoke("many", path), lambda _: serving(d, "many") == 4)
    equal([r.status for r in replies], [200] * 4)
    equal(len({r.headers["Medes-Sandbox"] for r in replies}), 4)


@test
def too_many_wait(d):
    d.put("narrow", max_sandboxes=1, queue_length=1)
    d.invoke("narrow")
    replies = at_once(5, lambda path: d.invoke("narrow", path), lambda replies: len(replies) == 3)
    statuses = sorted(r.status for r in replies)
    equal(statuses, [200, 200, 429, 429, 429])
    assert all(r.headers["Retry-After"] for r in replies if r.status == 429)


@test
def request_takes_too_long(d):
    d.put("slow", request_timeout_ms=200)
    reply = d.invoke("slow", "/until/never")
    equal(reply.status, 504)
    assert "200 ms" in reply.json()["error"]
    soon(lambda: not d.function("slow")["sandboxes"])
    soon(lambda: d.invoke("slow").status == 200)


def refused(d, function, says):
    """It waits as long as it may, and is told why."""
    def reason():
        reply = d.invoke(function)
        equal((reply.status, bool(reply.headers["Retry-After"])), (503, True))
        return reply.json()["error"]

    # on a busy machine the first may be refused before a start has failed
    soon(lambda: says in reason())


@test
def missing_command(d):
    d.put("missing", command=["/no/such/program"], queue_timeout_ms=1000)
    refused(d, "missing", "No such file")


@test
def port_never_opened(d):
    d.put("deaf", command=[NOOP, "--deaf"], start_timeout_ms=200, queue_timeout_ms=1000)
    refused(d, "deaf", "not ready in time")
    soon(lambda: not d.function("deaf")["sandboxes"])


@test
def crash_loop_backs_off(d):
    d.put("loop", command=[NOOP, "--exit", "3"], queue_timeout_ms=3000)
    refused(d, "loop", "status 3")
    soon(lambda: d.invoke("loop").status == 503 and d.function("loop")["backoff_ms"] > 0)
    equal(d.request("DELETE", "/v1/functions/loop").status, 200)


@test
def crash_in_a_request_is_repeated_only_if_idempotent(d):
    d.put("crash")
    reply = d.invoke("crash", "/exit", method="POST", body="x")
    equal(reply.status, 502)
    assert "not known to be idempotent" in reply.json()["error"], reply.body
    reply = d.invoke("crash", "/exit")
    equal(reply.status, 502)
    assert "second try" in reply.json()["error"], reply.body
    equal(d.function("crash")["invocations"]["retried"], 1)
    equal(d.invoke("f", "/garbage", method="POST", body="x").status, 502)


@test
def bad_specs_change_nothing(d):
    before = d.get("/v1/functions").json()["functions"]
    for spec, word in (
            ({"command": "x"}, "command"), ({"command": []}, "command"), ({"command": ["x"]}, "absolute"),
            ({"comand": ["/x"]}, "comand"), ({"command": ["/x"], "concurrency": 0}, "concurrency"),
            ({"command": ["/x"], "memory_bytes": "1G"}, "memory_bytes"), ({"name": "other"}, "other"),
            ({"command": ["/x"], "env": {"A=B": "c"}}, "A=B"), ({"command": ["/x"], "directory": "tmp"}, "tmp"),
            ({"command": ["/x"], "policy": {"keep": "1s"}}, "keep"), ({"command": ["/x"], "policy": {"idle": "soon"}}, "soon"),
            ({"command": ["/x"], "ready_path": "a\r\nb"}, "ready_path"),
            ({"runtime": "vm"}, "process"), ({"runtime": "oci"}, "bundle"), ({"bundle": "/b", "command": ["/x"]}, "oci"),
            ({"runtime": "oci", "bundle": "b"}, "absolute"), ({"runtime": "oci", "bundle": "/no/bundle"}, "config.json"),
            ({"runtime": "oci", "bundle": "/no/bundle", "directory": "/"}, "process.cwd")):
        reply = d.request("PUT", "/v1/functions/bad", spec)
        equal(reply.status, 422, spec)
        assert word in reply.json()["error"], reply.body
    equal(d.request("POST", "/v1/functions", {"name": "f"}).status, 409)
    equal(len(d.get("/v1/functions").json()["functions"]), len(before))


@test
def tokens_and_domains(d):
    equal(d.tcp("GET", "/v1/functions").status, 401)
    equal(d.tcp("GET", "/v1/functions", "wrong-token-of-some-length").status, 401)
    equal(d.tcp("GET", "/healthz").status, 200)
    equal(d.tcp("GET", "/no/such").status, 401)
    equal(d.tcp("PUT", "/v1/functions/f", TENANT, {"command": [NOOP]}).status, 201)
    equal(d.tcp("PUT", "/v1/functions/b", TENANT, {"runtime": "oci", "bundle": "/b"}).status, 403)
    equal(d.tcp("GET", "/v1/functions/f/invoke", TENANT).status, 200)
    # the domains' functions are different ones, and a tenant sees its own only
    equal({f["domain"] for f in d.tcp("GET", "/v1/functions", TENANT).json()["functions"]}, {"shop"})
    equal({f["domain"] for f in d.tcp("GET", "/v1/functions", ADMIN).json()["functions"]} >= {"shop", "default"}, True)
    equal({b["domain"] for b in d.tcp("GET", "/v1/sandboxes", TENANT).json()["sandboxes"]}, {"shop"})
    equal(d.tcp("GET", "/v1/functions/f?domain=default", TENANT).status, 403)
    equal(d.tcp("GET", "/v1/functions/env", TENANT).status, 404)
    other = d.invoke("f").headers["Medes-Sandbox"]
    equal(d.tcp("POST", f"/v1/sandboxes/{other}/acquire", TENANT, {}).status, 404)
    for method, path in (("GET", "/metrics"), ("GET", "/v1/jobs"), ("GET", "/v1/bases"),
                         ("PUT", "/v1/policy"), ("POST", "/v1/functions/f/adopt")):
        equal(d.tcp(method, path, TENANT, {} if method != "GET" else None).status, 403, path)
    equal(d.tcp("PUT", "/v1/functions/g", TENANT, {"command": [NOOP], "uid": 0}).status, 403)
    equal(d.request("DELETE", "/v1/functions/f?domain=shop").status, 200)


@test
def acquire_and_release(d):
    d.put("lease", max_sandboxes=1)
    held = d.request("POST", "/v1/functions/lease/acquire", {"lease_ms": 60000}).json()
    equal(held["start"], "cold")
    host, port = held["address"].split(":")
    direct = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    direct.request("GET", "/")
    equal(direct.getresponse().status, 200)
    direct.close()
    equal(d.request("POST", f"/v1/sandboxes/{held['sandbox']}/acquire", {}).status, 409)
    equal(d.request("POST", f"/v1/sandboxes/{held['sandbox']}/release").status, 200)
    equal(d.request("POST", f"/v1/sandboxes/{held['sandbox']}/release").status, 409)
    short = d.request("POST", f"/v1/sandboxes/{held['sandbox']}/acquire", {"lease_ms": 100}).json()
    equal(short["start"], "warm")
    soon(lambda: d.function("lease")["sandboxes"][0]["life"] == "idle")
    equal(d.request("POST", "/v1/functions/lease/acquire", {"lease": 1}).status, 422)


@test
def adopted_sandbox_is_never_ended(d):
    d.request("PUT", "/v1/functions/guest", {})
    equal(d.request("POST", "/v1/functions/guest/acquire", {}).json(),
          {"sandbox": None, "start": "cold", "start_ms": 0.0, "address": None})
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
    try:
        reply = d.request("POST", "/v1/functions/guest/adopt",
                          {"name": "mine", "pids": [pid], "address": "10.0.0.1:80"})
        equal(reply.status, 201, reply.body)
        equal(reply.json()["life"], "running")
        equal(d.request("POST", "/v1/functions/guest/adopt", {"name": "mine", "pids": [pid]}).status, 409)
        equal(d.request("POST", "/v1/sandboxes/mine/release").status, 200)
        got = d.request("POST", "/v1/functions/guest/acquire", {}).json()
        equal((got["sandbox"], got["start"], got["address"]), ("mine", "warm", "10.0.0.1:80"))
        equal(d.invoke("guest").status, 422)
        equal(d.request("DELETE", "/v1/functions/guest").status, 200)
        soon(lambda: "mine" not in str(d.get("/v1/sandboxes").json()))
        os.kill(pid, 0)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@test
def adopted_sandbox_that_ends_is_forgotten(d):
    d.request("PUT", "/v1/functions/guest", {})
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
    equal(d.request("POST", "/v1/functions/guest/adopt", {"name": "brief", "pids": [pid]}).status, 201)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    soon(lambda: not d.function("guest")["sandboxes"])
    for body in ({"name": "x", "pids": [1]}, {"name": "x", "pids": []}, {"name": "x"},
                 {"name": "x", "cgroup": "no/such"}, {"name": "x y", "pids": [5]}, {"name": "x", "pid": 5}):
        equal(d.request("POST", "/v1/functions/guest/adopt", body).status, 422, body)


def event_stream(d, want, act):
    """What comes until an event of that type."""
    connection = Unix(d.socket)
    connection.request("GET", "/v1/events")
    reply = connection.getresponse()
    equal(reply.headers["Content-Type"], "text/event-stream")
    act()
    lines = []
    while f"event: {want}" not in lines or not lines[-1].startswith("data"):
        lines.append(reply.fp.readline().decode().rstrip())
        if lines[-1] and all(c in "0123456789abcdef" for c in lines[-1]):
            lines.pop()     # the size of a chunk
    connection.close()
    return lines


@test
def events_are_told(d):
    lines = event_stream(d, "sandbox", lambda: d.invoke("f"))
    assert any('"function":"f"' in line for line in lines), lines
    lines = event_stream(d, "function", lambda: d.put("told"))
    assert any('"what":"created"' in line for line in lines), lines


@test
def readers_of_events_are_bounded(d):
    streams = []
    statuses = []
    for _ in range(20):
        connection = Unix(d.socket)
        connection.request("GET", "/v1/events")
        streams.append(connection)
        statuses.append(connection.getresponse().status)
    equal((statuses.count(200), statuses.count(503)), (16, 4))
    for connection in streams:
        connection.close()
    soon(lambda: d.request("GET", "/metrics").status == 200)


@test
def metrics_have_their_form(d):
    assert 'medes_invocations_total{domain="default",function="narrow",start="cold"} 1' in metrics(d)


@test
def policy_is_shown_set_and_explained(d):
    equal(d.get("/v1/policy").json()["policy"], "medes")
    reply = d.request("PUT", "/v1/policy", {"policy": "fixed", "params": {"keep_alive": "300s"}})
    equal((reply.status, reply.json()["policy"]), (200, "fixed"))
    for body in ({"policy": "none"}, {"params": {"keep": "1s"}}, {"params": {"idle": 5}}, {"polcy": "x"}):
        equal(d.request("PUT", "/v1/policy", body).status, 422, body)
    equal(d.request("PUT", "/v1/policy", {"policy": "medes"}).status, 200)
    text = d.get("/v1/functions/f/explain").json()["text"]
    assert "medes" in text and "arrivals" in text, text


@test
def idle_ones_end_when_the_policy_says_so(d):
    d.put("brief", policy={"keep_alive": "100ms", "idle": "50ms", "keep_dedup": "100ms"})
    d.request("PUT", "/v1/policy", {"policy": "fixed", "params": {"interval": "100ms"}})
    d.invoke("brief")
    soon(lambda: not d.function("brief")["sandboxes"])
    d.request("PUT", "/v1/policy", {"policy": "medes", "params": {"interval": "1s"}})
    equal(d.invoke("brief").headers["Medes-Start"], "cold")


@test
def huge_headers_and_bodies_are_refused(d):
    equal(d.request("GET", "/healthz", headers={"X": "y" * 20000}).status, 400)
    equal(d.invoke("f", method="POST", body="x" * (900 << 10)).status, 200)
    equal(d.invoke("f", method="POST", body="x" * ((900 << 10) + 1)).status, 413)
    equal(d.request("PUT", "/v1/functions/f", "{" + " " * 70000 + "}").status, 413)
    for body in ("{", "[]", "nul", '{"a":1,"a":2}', "\xff"):
        equal(d.request("PUT", "/v1/functions/x", body).status, 400, body)


@test
def client_that_goes_leaves_the_sandbox_usable(d):
    d.put("left", max_sandboxes=1)
    d.invoke("left")
    connection = Unix(d.socket)
    with Gate() as gate:
        connection.request("GET", f"/v1/functions/left/invoke{gate.path}")
        soon(lambda: serving(d, "left"))
        connection.close()
    reply = d.invoke("left")
    equal((reply.status, reply.headers["Medes-Start"]), (200, "warm"))


@test
def killed_medesd_finds_its_sandboxes(d):
    needs_cgroups()
    d.invoke("f")
    before = {b["name"]: b["pid"] for b in d.function("f")["sandboxes"]}
    d.kill()
    for pid in before.values():
        os.kill(pid, 0)
    d.start()
    soon(lambda: all(b["life"] == "idle" for b in d.function("f")["sandboxes"]))
    equal({b["name"]: b["pid"] for b in d.function("f")["sandboxes"]}, before)
    reply = d.invoke("f")
    equal((reply.status, reply.headers["Medes-Start"]), (200, "warm"))
    assert reply.headers["Medes-Sandbox"] in before


@test
def killed_while_busy_while_starting_and_with_dead_ones(d):
    needs_cgroups()
    with Gate() as gate:
        d.put("busy")
        d.put("late", command=gate.command)
        busy = d.invoke("busy").headers["Medes-Sandbox"]
        dead = d.function("env")["sandboxes"][0]["pid"]
        threads = [threading.Thread(target=lambda p=p: try_invoke(d, *p)) for p in (("busy", gate.path), ("late", ""))]
        for thread in threads:
            thread.start()
        soon(lambda: serving(d, "busy") and d.function("late")["sandboxes"])
        d.kill()
        os.kill(dead, 9)
        for thread in threads:
            thread.join()
        d.start()
    # busy: not used before it has done what it did; late: becomes ready; env: is forgotten
    reply = d.invoke("late")
    equal(reply.status, 200)
    soon(lambda: d.function("busy")["sandboxes"][0]["life"] == "idle")
    equal(d.invoke("busy").headers["Medes-Sandbox"], busy)
    soon(lambda: not d.function("env")["sandboxes"])
    soon(lambda: sorted(d.cells()) == sorted(b["name"] for b in d.get("/v1/sandboxes").json()["sandboxes"]))


def try_invoke(d, name, path):
    try:
        d.invoke(name, path)
    except (OSError, http.client.HTTPException):
        pass


@test
def removed_while_medesd_was_down(d):
    needs_cgroups()
    d.put("orphan")
    d.invoke("orphan")
    pid = d.function("orphan")["sandboxes"][0]["pid"]
    d.kill()
    os.unlink(f"{d.directory}/state/functions/default/orphan.json")
    d.start()
    soon(lambda: not os.path.exists(f"/proc/{pid}"))
    equal([c for c in d.cells() if c.startswith("orphan")], [])


def slow_senders_are_dropped(d):
    """A byte now and then is no request."""
    clients = []
    for _ in range(50):
        client = socket.socket(socket.AF_UNIX)
        client.connect(d.socket)
        client.sendall(b"POST /v1/functions HTTP/1.1\r\nHost: x\r\n")
        clients.append(client)
    end = time.monotonic() + PATIENCE
    while clients and time.monotonic() < end:
        for client in list(clients):
            try:
                client.sendall(b"A")
                client.settimeout(0.001)
                if client.recv(100) == b"":
                    raise OSError
            except TimeoutError:
                continue
            except OSError:
                clients.remove(client)
                client.close()
        equal(d.get("/healthz").status, 200)
        time.sleep(0.1)
    equal(clients, [])


def connections_are_bounded(d):
    """Those beyond the limit wait until idle ones are dropped; nobody is refused for ever."""
    clients = []
    for _ in range(150):
        client = socket.socket(socket.AF_UNIX)
        client.connect(d.socket)
        clients.append(client)
    equal(d.get("/healthz").status, 200)
    assert "MaxConnections" in d.log_text()
    for client in clients:
        client.close()


def restart(d, timeout):
    d.process.terminate()
    equal(d.process.wait(), 0, d.tail())
    d.configure(config(timeout))
    d.start()


@contextlib.contextmanager
def impatient(d):
    """A medesd that drops slow clients soon: on a busy machine those of the other tests are such."""
    restart(d, "2s")
    try:
        yield
    finally:
        restart(d, "60s")


@test
def slow_clients_are_dropped_and_many_of_them_stop_nobody(d):
    with impatient(d):
        slow_senders_are_dropped(d)
        connections_are_bounded(d)


if __name__ == "__main__":
    run_tests(config("60s"))
