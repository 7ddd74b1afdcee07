#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Daemons of a cluster, on loopback and without the module: who is let in and who is not and
why, what nodes know of each other, and that commands can be repeated."""
import datetime
import importlib
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile

import clusters
from clusters import ctl, make_pki
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from medesd import MEDESD, TESTS, Daemon, equal, free_port, run_tests, soon, test

fits = importlib.import_module("test-openapi").fits
TESTS.clear()       # those of the module above
PKI, OTHER = (make_pki(cluster, ("n1", "n2", "n3")) for cluster in ("prod", "other"))
PORTS = {f"n{i}": free_port() for i in range(1, 4)}


def config(node, certificates=PKI, cluster="prod", nodes=()):
    text = f"""[Cluster]
Name={cluster}
Node={node}
Key={PKI}/cluster.key
Certificates={certificates}
Listen=127.0.0.1:{PORTS[node]}
Interval=100ms
"""
    return text + "".join(f"[Node {n}]\nAddress=127.0.0.1\nPort={PORTS[n]}\n" for n in nodes)


def nodes_of(daemon):
    return {n["name"]: n for n in daemon.get("/v1/nodes").json()["nodes"]}


def state(daemon, node, want):
    soon(lambda: nodes_of(daemon)[node]["state"] == want)
    return nodes_of(daemon)[node]


def error(daemon, node, says):
    soon(lambda: says in (state(daemon, node, "away")["error"] or ""))


def strangers(daemon):
    return daemon.get("/v1/nodes").json()["strangers"]


def forge(authority, uri, days=1, usage=None):
    """A certificate that medesctl would not make: (file, key file)"""
    with open(f"{authority}/ca.key", "rb") as file:
        ca_key = serialization.load_pem_private_key(file.read(), None)
    with open(f"{authority}/ca.pem", "rb") as file:
        ca = x509.load_pem_x509_certificate(file.read())
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "forged")])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(ca.subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=9))
               .not_valid_after(now + datetime.timedelta(days=days)))
    if uri:
        names = [x509.UniformResourceIdentifier(uri)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    made = tempfile.mkdtemp(dir=PKI)
    paths = os.path.join(made, "pem"), os.path.join(made, "key")
    with open(paths[0], "wb") as file:
        file.write(builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    with open(os.open(paths[1], os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    return paths


def knock(node="n1", **how):
    return clusters.knock(PORTS[node], **how)


def turned_away(daemon, says, **how):
    before = strangers(daemon), len(daemon.log_text())
    equal(knock(**how), "", "the answer to a stranger")
    soon(lambda: strangers(daemon) > before[0])
    # one line a second at most: the next stranger may find it taken
    said = daemon.log_text()[before[1]:]
    assert says in said or "refused a connection" not in said, said
    return says in said


def refused(daemon, says, **how):
    """Until it stood in the log."""
    soon(lambda: turned_away(daemon, says, **how))


# ---- certificates -------------------------------------------------------------------

@test
def files_are_made_once_and_for_root_alone(_):
    names = {"ca.key", "ca.pem", "cluster.key", "n1.key", "n1.pem", "n2.key", "n2.pem", "n3.key", "n3.pem"}
    equal(set(os.listdir(PKI)), names)
    for name in names:
        equal(stat.S_IMODE(os.stat(os.path.join(PKI, name)).st_mode), 0o600, name)
    before = open(f"{PKI}/cluster.key", "rb").read()
    equal(len(before), 32)
    assert "exists" in ctl("cluster", "init", "prod", "--dir", PKI, code=1)
    assert "n1.key exists" in ctl("cluster", "certificate", "n1", "--dir", PKI, code=1)
    equal(open(f"{PKI}/cluster.key", "rb").read(), before)
    ctl("cluster", "certificate", "../n4", "--dir", PKI, code=2)
    ctl("cluster", "certificate", "n4", "--dir", PKI, "--days", "0", code=2)
    ctl("cluster", "certificate", "ca", "--dir", PKI, code=2)
    equal(set(os.listdir(PKI)), names)


@test
def a_half_made_authority_is_removed_again(_):
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(f"{directory}/ca.pem")
        assert "exists" in ctl("cluster", "init", "x", "--dir", directory, code=1)
        equal(os.listdir(directory), ["ca.pem"])
        assert "ca.pem" in ctl("cluster", "certificate", "n1", "--dir", directory, code=1)
        shutil.copy(f"{PKI}/n1.pem", f"{directory}/n1.pem")
        os.rmdir(f"{directory}/ca.pem")
        shutil.copy(f"{PKI}/ca.pem", directory)
        assert "ca.key" in ctl("cluster", "certificate", "n2", "--dir", directory, code=1)
        shutil.copy(f"{OTHER}/ca.key", directory)
        assert "not the key" in ctl("cluster", "certificate", "n2", "--dir", directory, code=1)


def starts_not(text, says):
    """A daemon with that configuration ends with these words."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/medesd.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[Daemon]\nSocket={directory}/sock\nState={directory}\n{text}")
        done = subprocess.run([MEDESD, "-c", path], capture_output=True, text=True, check=False, timeout=60)
        equal(done.returncode, 1, done.stderr)
        assert says in done.stderr, done.stderr


@test
def a_daemon_with_wrong_certificates_does_not_start(_):
    starts_not(config("n1", certificates="/no/such/place"), "/no/such/place/n1.key")
    starts_not(config("n1", cluster="other"), "not the certificate of node n1 of the cluster other")
    with tempfile.TemporaryDirectory() as directory:
        for name in "ca.pem", "n1.pem", "n1.key":
            shutil.copy(f"{PKI}/{name}", directory)
        os.chmod(f"{directory}/n1.key", 0o640)
        starts_not(config("n1", certificates=directory), "others can read it")
        os.chmod(f"{directory}/n1.key", 0o600)
        shutil.copy(f"{PKI}/n2.key", f"{directory}/n1.key")
        starts_not(config("n1", certificates=directory), "n1.key")
        shutil.copy(f"{PKI}/n2.pem", f"{directory}/n1.pem")
        starts_not(config("n1", certificates=directory), "not the certificate of node n1")


@test
def a_configuration_that_contradicts_itself_is_refused(_):
    starts_not("[Cluster]\nCertificates=/tmp\n", "needs Name, Node and Key")
    starts_not("[Cluster]\nListen=127.0.0.1:1\n", "Listen needs Certificates")
    starts_not("[Node x]\nPort=1\n", "[Node x] needs Address")
    starts_not("[Node x]\nAddress=example.org\n", "want an address")
    starts_not("[Node x]\nColour=1\n", "known: Address Port RdmaPort")
    starts_not("[Node .x]\nAddress=127.0.0.1\n", "want a name")


# ---- strangers ----------------------------------------------------------------------

@test
def a_stranger_without_a_certificate_is_refused(d):
    refused(d, "did not return a certificate")


@test
def one_who_speaks_no_tls_or_an_old_one_is_refused(d):
    # counted before it comes: else it may count as the next one
    before = strangers(d)
    with socket.create_connection(("127.0.0.1", PORTS["n1"]), timeout=30) as plain:
        plain.sendall(b"GET /v1/cluster HTTP/1.0\r\n\r\n")
        assert b"HTTP/1" not in plain.recv(100)
        soon(lambda: strangers(d) > before)
    refused(d, "unsupported protocol", version=ssl.TLSVersion.TLSv1_2,
            certificate=(f"{PKI}/n2.pem", f"{PKI}/n2.key"))


@test
def a_certificate_of_another_authority_is_refused(d):
    refused(d, "its certificate is no good: unable to get local issuer",
            certificate=(f"{OTHER}/n2.pem", f"{OTHER}/n2.key"))


@test
def an_expired_certificate_is_refused(d):
    refused(d, "certificate has expired", certificate=forge(PKI, "medes://prod/n2", days=-1))


@test
def a_certificate_that_names_no_node_of_the_cluster_is_refused(d):
    for uri in (None, "medes://other/n2", "medes://prod/", "https://prod/n2", "medes://prod/a/b",
                "medes://prod/" + "x" * 100, "medes://prodn2"):
        refused(d, "none of a node of the cluster prod", certificate=forge(PKI, uri))


@test
def a_certificate_for_servers_only_does_not_make_a_client(d):
    refused(d, "its certificate is no good",
            certificate=forge(PKI, "medes://prod/n2", usage=x509.ExtendedKeyUsageOID.SERVER_AUTH))


@test
def a_node_of_the_cluster_that_was_not_added_is_told_so(_):
    answer = knock(certificate=forge(PKI, "medes://prod/n9"))
    assert " 403 " in answer and "node n9 is not known" in answer, answer


@test
def a_node_gets_what_is_for_nodes_and_nothing_else(d):
    d.request("PUT", "/v1/nodes/n2", {"address": "127.0.0.1", "port": PORTS["n2"]})
    n2 = f"{PKI}/n2.pem", f"{PKI}/n2.key"
    answer = knock(certificate=n2)
    assert " 200 " in answer and '"node":"n1"' in answer, answer
    for path in "/v1/functions", "/v1/status", "/v1/nodes", "/healthz", "/metrics":
        answer = knock(certificate=n2, request=f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert " 403 " in answer and "not for nodes" in answer, answer
    assert " 404 " in knock(certificate=n2, request=b"GET /no HTTP/1.0\r\n\r\n")
    reply = d.get("/v1/cluster")
    equal((reply.status, "among themselves" in reply.json()["error"]), (403, True))
    equal(d.request("POST", "/v1/cluster/drain", {}).status, 403)
    equal(d.request("DELETE", "/v1/nodes/n2").status, 200)


@test
def what_a_node_sends_is_checked(d):
    d.request("PUT", "/v1/nodes/n2", {"address": "127.0.0.1", "port": PORTS["n2"]})
    base = ('{"base":"0x1","generation":"0x2","digest":"0x3","pages":%s,"leases":0,"retired":false,'
            '"restore":false,"name":"%s","domain":"d","function":""}')
    for body, says in [('{"bases":7}', "must be an array"), ('{"bases":[]}', ""), ('{"x":1}', "no key"),
                       ('{"bases":[{}]}', "makes no sense"), ("[", "no JSON"),
                       ('{"bases":[%s]}' % base % (0, "b"), "makes no sense"),
                       ('{"bases":[%s]}' % base % (1, "../b"), "makes no sense"),
                       ('{"bases":[%s,%s]}' % (base % (1, "b"), base % (1, "c")), "want one base")]:
        request = f"POST /v1/cluster/replicate HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        answer = knock(certificate=(f"{PKI}/n2.pem", f"{PKI}/n2.key"), request=request.encode())
        assert " 4" in answer[:13] and says in answer, (body, answer)
    d.request("DELETE", "/v1/nodes/n2")


@test
def many_strangers_do_not_shut_clients_out(d):
    many = [socket.create_connection(("127.0.0.1", PORTS["n1"]), timeout=30) for _ in range(300)]
    soon(lambda: "connections of nodes: no more" in d.log_text())
    equal(d.get("/healthz").status, 200)
    equal(d.tcp("GET", "/healthz").status, 200)
    for one in many:
        one.close()
    d.request("PUT", "/v1/nodes/n2", {"address": "127.0.0.1", "port": PORTS["n2"]})
    soon(lambda: " 200 " in knock(certificate=(f"{PKI}/n2.pem", f"{PKI}/n2.key")))
    d.request("DELETE", "/v1/nodes/n2")


# ---- nodes --------------------------------------------------------------------------

@test
def nodes_see_each_other_come_and_go(d):
    equal(d.get("/v1/nodes").json()["nodes"], [])
    second = Daemon(config("n2", nodes=("n1", "n2", "n3")))
    try:
        # n1 has not been told of n2
        error(second, "n1", "not known")
        reply = d.request("PUT", "/v1/nodes/n2", {"address": "127.0.0.1", "port": PORTS["n2"]})
        equal(reply.status, 201)
        state(d, "n2", "up")
        state(second, "n1", "up")
        error(second, "n3", "nobody answers")
        second.kill()
        error(d, "n2", "nobody answers")
        second.start()
        state(d, "n2", "up")
    finally:
        second.stop()
    state(d, "n2", "away")


@test
def a_node_that_is_another_one_is_not_believed(d):
    # whoever listens there has n3's certificate
    d.request("PUT", "/v1/nodes/n2", {"address": "127.0.0.1", "port": PORTS["n3"]})
    third = Daemon(config("n3"))
    try:
        soon(lambda: "of node n3, not of n2" in (nodes_of(d)["n2"]["error"] or ""))
    finally:
        third.stop()
    imposter = Daemon(config("n3", certificates=OTHER, cluster="other"))
    try:
        soon(lambda: "its certificate is no good" in (nodes_of(d)["n2"]["error"] or ""))
        equal(nodes_of(d)["n2"]["state"], "away")
    finally:
        imposter.stop()


@test
def adding_and_forgetting_can_be_repeated_and_outlast_the_daemon(d):
    where = {"address": "127.0.0.1", "port": PORTS["n3"], "rdma_port": 7}
    equal([d.request("PUT", "/v1/nodes/n3", where).status for _ in range(2)], [201, 200])
    d.kill()
    d.start()
    node = d.get("/v1/nodes/n3").json()
    equal((node["address"], node["port"], node["rdma_port"], node["configured"]),
          ("127.0.0.1", PORTS["n3"], 7, False))
    equal([d.request("DELETE", "/v1/nodes/n3").status for _ in range(2)], [200, 404])
    for body in ({}, {"address": "host"}, {"address": "::1", "port": 0}, {"address": "::1", "port": "1"},
                 {"address": "::1", "rdma_port": 65536}, {"address": "::1", "x": 1}):
        equal(d.request("PUT", "/v1/nodes/n3", body).status, 422, body)
    equal(d.request("PUT", "/v1/nodes/n1", where).status, 409)
    equal(d.request("PUT", "/v1/nodes/.n", where).status, 422)
    assert "n3" not in nodes_of(d)


@test
def cordon_and_drain_reach_the_node_that_is_meant(d):
    d.request("PUT", "/v1/nodes/n2", {"address": "127.0.0.1", "port": PORTS["n2"]})
    second = Daemon(config("n2", nodes=("n1",)))
    try:
        state(d, "n2", "up")
        for _ in range(2):
            reply = d.request("POST", "/v1/nodes/n2/cordon", {})
            equal((reply.status, reply.json()["state"]), (200, "cordoned"))
        soon(lambda: nodes_of(d)["n2"]["cordoned"])
        for _ in range(2):
            # it has no bases
            equal(d.request("POST", "/v1/nodes/n2/drain", {}).json()["state"], "drained")
        soon(lambda: nodes_of(d)["n2"]["draining"])
        second.kill()
        equal(d.request("POST", "/v1/nodes/n2/drain", {}).status, 502)
        second.start()
        equal(second.get("/v1/nodes").json()["draining"], True, "after a restart")
        state(d, "n2", "up")
        equal(d.request("POST", "/v1/nodes/n2/uncordon", {}).json()["state"], "serving")
        soon(lambda: not nodes_of(d)["n2"]["draining"] and not nodes_of(d)["n2"]["cordoned"])
        equal(d.request("POST", "/v1/nodes/n1/cordon", {}).json()["node"], "n1")
        soon(lambda: nodes_of(second)["n1"]["cordoned"])
        d.request("POST", "/v1/nodes/n1/uncordon", {})
        equal(d.request("POST", "/v1/nodes/n7/drain", {}).status, 404)
    finally:
        second.stop()


@test
def what_is_answered_in_a_cluster_has_the_form_of_the_spec(d):
    where = {"address": "127.0.0.1", "port": PORTS["n3"]}
    for method, path, names, body in [
            ("put", "/v1/nodes/{node}", {"node": "n3"}, where), ("put", "/v1/nodes/{node}", {"node": "n3"}, where),
            ("put", "/v1/nodes/{node}", {"node": "n3"}, {}), ("get", "/v1/nodes", {}, None),
            ("get", "/v1/nodes/{node}", {"node": "n3"}, None), ("get", "/v1/nodes/{node}", {"node": "no"}, None),
            ("post", "/v1/nodes/{node}/cordon", {"node": "n1"}, {}),
            ("post", "/v1/nodes/{node}/drain", {"node": "n1"}, {}),
            ("post", "/v1/nodes/{node}/drain", {"node": "n3"}, {}),
            ("post", "/v1/nodes/{node}/uncordon", {"node": "n1"}, {}),
            ("post", "/v1/bases/{base}/replicate", {"base": "b"}, {"to": "n3"}),
            ("post", "/v1/bases/{base}/replicate", {"base": "b"}, {"to": "no"}),
            ("delete", "/v1/nodes/{node}", {"node": "n3"}, None)]:
        fits(d.request(method.upper(), path.format(**names), body), method, path)
    answer = knock(certificate=(f"{PKI}/n2.pem", f"{PKI}/n2.key"))
    told = json.loads(answer.split("\r\n\r\n")[1])
    equal(set(told), {"node", "version", "same", "cordoned", "draining", "bases", "protocol"})
    again = knock(certificate=(f"{PKI}/n2.pem", f"{PKI}/n2.key"),
                  request=f"GET /v1/cluster?version={told['version']} HTTP/1.0\r\n\r\n".encode())
    equal(json.loads(again.split("\r\n\r\n")[1]),
          {"node": "n1", "version": told["version"], "same": True})


@test
def counters_tell_of_each_node(d):
    text = d.get("/metrics").body.decode()
    for line in ('medes_node_up{node="n2"} 0', 'medes_node_questions_total{node="n2"} ', "medes_strangers_total "):
        assert line in text, text


@test
def replicating_needs_the_module_and_a_node(d):
    equal(d.request("POST", "/v1/bases/b/replicate", {"to": "n7"}).status, 404)
    equal(d.request("POST", "/v1/bases/b/replicate", {"to": "n2"}).status, 503)
    equal(d.request("POST", "/v1/bases/b/replicate", {}).status, 422)


@test
def a_daemon_in_no_cluster_says_so(_):
    alone = Daemon()
    try:
        for method, path in (("GET", "/v1/nodes"), ("PUT", "/v1/nodes/n2"), ("DELETE", "/v1/nodes/n2"),
                             ("POST", "/v1/nodes/n2/drain"), ("POST", "/v1/bases/b/replicate")):
            reply = alone.request(method, path, {})
            equal((reply.status, "in no cluster" in reply.json()["error"]), (409, True), path)
    finally:
        alone.stop()


if __name__ == "__main__":
    try:
        run_tests(config("n1"))
    finally:
        shutil.rmtree(PKI)
        shutil.rmtree(OTHER)
