#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Documentation/openapi.yaml and the server say the same: the spec names each route that the
server has and no other, and what the server answers is of the form that the spec gives."""
import os
import subprocess

import jsonschema
import yaml
from medesd import BUILD, NOOP, equal, run_tests, test

SPEC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Documentation/openapi.yaml")
METHODS = ("get", "post", "put", "patch", "delete")
with open(SPEC, encoding="utf-8") as text:
    API = yaml.safe_load(text)


def follow(node):
    while "$ref" in node:
        here = API
        for part in node["$ref"][2:].split("/"):
            here = here[part]
        node = here
    return node


def operations():
    for path, item in API["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def pattern(path):
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))


@test
def every_route_is_specified_and_every_operation_served(_):
    lines = subprocess.run([os.path.join(BUILD, "list-routes")], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    served = {(method, path): int(flags) for method, path, flags in map(str.split, lines)}
    # the path behind invoke/ is the function's own
    equal({key for key in served if not key[1].endswith("/**")},
          {(method, pattern(path)) for method, path, _ in operations()})
    for method, path, operation in operations():
        needs_none = served[method, pattern(path)] & 1
        equal(operation.get("security") == [], bool(needs_none), path)


@test
def the_spec_itself_is_sound(_):
    names = [operation["operationId"] for _, _, operation in operations()]
    equal(len(names), len(set(names)), "operation ids")
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            response = follow(response)
            for media in response.get("content", {}).values():
                jsonschema.Draft202012Validator.check_schema(media["schema"])
            assert response["description"], (method, path, status)


def fits(reply, method, path):
    """The status is one that the spec names, and the body has its form."""
    responses = API["paths"][path][method]["responses"]
    response = responses.get(str(reply.status))
    assert response, f"{method} {path}: status {reply.status} is not in the spec: {reply.body[:300]}"
    response = follow(response)
    for name in response.get("headers", {}):
        assert reply.headers[name], f"{method} {path}: no header {name}"
    content = response["content"]
    kind = reply.headers["Content-Type"].split(";")[0]
    assert kind in content, f"{method} {path}: {kind} is not in the spec"
    if kind == "application/json":
        schema = dict(content[kind]["schema"], components=API["components"])
        jsonschema.validate(reply.json(), schema)


@test
def answers_have_the_form_of_the_spec(d):
    spec = {"command": [NOOP], "idempotent": True, "policy": {"idle": "60s"}}
    named = dict(spec, name="g")
    calls = [
        ("get", "/healthz", {}, None), ("get", "/v1/status", {}, None), ("get", "/metrics", {}, None),
        ("put", "/v1/functions/{function}", {"function": "f"}, spec),
        ("put", "/v1/functions/{function}", {"function": "f"}, spec),
        ("put", "/v1/functions/{function}", {"function": "f"}, {"x": 1}),
        ("put", "/v1/functions/{function}", {"function": "f"}, "{"),
        ("post", "/v1/functions", {}, named), ("post", "/v1/functions", {}, named),
        ("post", "/v1/functions", {}, {}),
        ("post", "/v1/functions/{function}/acquire", {"function": "f"}, {}),
        ("post", "/v1/functions/{function}/acquire", {"function": "f"}, {"lease_ms": 0}),
        ("post", "/v1/functions/{function}/acquire", {"function": "no"}, {}),
        ("post", "/v1/sandboxes/{sandbox}/acquire", {"sandbox": "f-1"}, {}),
        ("post", "/v1/sandboxes/{sandbox}/release", {"sandbox": "f-1"}, None),
        ("post", "/v1/sandboxes/{sandbox}/release", {"sandbox": "f-1"}, None),
        ("post", "/v1/sandboxes/{sandbox}/acquire", {"sandbox": "f-1"}, {}),
        ("get", "/v1/functions", {}, None),
        ("get", "/v1/functions/{function}", {"function": "f"}, None),
        ("get", "/v1/functions/{function}", {"function": "no"}, None),
        ("get", "/v1/functions/{function}/explain", {"function": "f"}, None),
        ("get", "/v1/functions/{function}/explain", {"function": "no"}, None),
        ("post", "/v1/functions/{function}/adopt", {"function": "g"}, {"name": "x", "pids": [os.getpid()]}),
        ("post", "/v1/functions/{function}/adopt", {"function": "g"}, {"name": "x", "pids": [os.getpid()]}),
        ("post", "/v1/functions/{function}/adopt", {"function": "g"}, {"name": "y"}),
        ("post", "/v1/functions/{function}/adopt", {"function": "no"}, {"name": "y"}),
        ("get", "/v1/sandboxes", {}, None),
        ("get", "/v1/sandboxes/{sandbox}", {"sandbox": "f-1"}, None),
        ("get", "/v1/policy", {}, None),
        ("put", "/v1/policy", {}, {"policy": "adaptive", "params": {"tail": "95"}}),
        ("put", "/v1/policy", {}, {"policy": "no"}),
        ("get", "/v1/jobs", {}, None), ("get", "/v1/jobs/{job}", {"job": "7"}, None),
        ("delete", "/v1/jobs/{job}", {"job": "7"}, None),
        ("get", "/v1/bases", {}, None), ("post", "/v1/bases", {}, {"sandbox": "f-1"}),
        ("post", "/v1/bases", {}, {}), ("delete", "/v1/bases/{base}", {"base": "b"}, None),
        ("post", "/v1/sandboxes", {}, {"name": "z", "pids": [os.getpid()]}),
        ("post", "/v1/sandboxes", {}, {"name": "z"}),
        ("get", "/v1/sandboxes/{sandbox}", {"sandbox": "no"}, None),
        ("post", "/v1/sandboxes/{sandbox}/dedup", {"sandbox": "f-1"}, None),
        ("post", "/v1/sandboxes/{sandbox}/restore", {"sandbox": "f-1"}, {"working_set": True}),
        ("delete", "/v1/sandboxes/{sandbox}", {"sandbox": "f-1"}, None),
        ("delete", "/v1/sandboxes/{sandbox}", {"sandbox": "no"}, None),
        ("delete", "/v1/functions/{function}", {"function": "f"}, None),
        ("delete", "/v1/functions/{function}", {"function": "f"}, None),
        ("get", "/v1/functions/{function}/invoke", {"function": "no"}, None),
        # this one is in no cluster; test-cluster.py asks in one
        ("get", "/v1/nodes", {}, None), ("get", "/v1/nodes/{node}", {"node": "n"}, None),
        ("put", "/v1/nodes/{node}", {"node": "n"}, {"address": "::1"}),
        ("delete", "/v1/nodes/{node}", {"node": "n"}, None),
        ("post", "/v1/nodes/{node}/cordon", {"node": "n"}, {}),
        ("post", "/v1/nodes/{node}/uncordon", {"node": "n"}, {}),
        ("post", "/v1/nodes/{node}/drain", {"node": "n"}, {}),
        ("post", "/v1/bases/{base}/replicate", {"base": "b"}, {"to": "n"}),
        ("get", "/v1/cluster", {}, None), ("post", "/v1/cluster/replicate", {}, {}),
        ("post", "/v1/cluster/cordon", {}, {}), ("post", "/v1/cluster/drain", {}, {}),
        ("get", "/v1/controller", {}, None), ("post", "/v1/cluster/obey", {}, {}),
        ("post", "/v1/cluster/overview", {}, {}), ("post", "/v1/cluster/function", {}, {}),
        ("post", "/v1/cluster/explain", {}, {}),
    ]
    for method, path, names, body in calls:
        where = path.format(**names)
        fits(d.request(method.upper(), where, body), method, path)
    called = {(method, path) for method, path, _, _ in calls}
    left = {(m, p) for m, p, _ in operations()} - called
    # these answer with what the function says, or not at an end
    equal({p for _, p in left}, {"/v1/functions/{function}/invoke", "/v1/events",
                                 "/v1/cluster/functions/{function}/invoke", "/v1/cluster/functions/{function}/front"})


if __name__ == "__main__":
    run_tests()
