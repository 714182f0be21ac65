"""Where clients come from and what they speak: node ports, the PROXY protocol, WebSockets; what origins are shown."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from localcluster import Cluster
from product import objects
from product.install import Installed
from product.polling import poll
from product.secure import Authority, secret

SJC = {"dataCenters": ["us/sjc"]}
NAMESPACE = "clients"
DIRECT, BEHIND, SHOWN = "direct.example.com", "behind.example.com", "shown.example.com"
SOMEBODY = "203.0.113.77"


@pytest.fixture(scope="module")
def clients(product: Installed, cluster: Cluster) -> Iterator[str]:
    """A namespace with a zone on a node port, one behind a balancer that speaks the PROXY protocol, and one whose
    origin demands a certificate: all Ready."""
    authority = (cluster.kubeconfig.parent / "pki" / "ca.crt").read_bytes()
    key = (cluster.kubeconfig.parent / "pki" / "ca.key").read_bytes()
    shown = Authority("", authority, key).issue("the-shield")
    tls = {"caBundle": authority.decode(), "clientCertificate": {"secretName": "shown"}}
    mutual = {"name": "main", "address": "origin-us.example.com", "port": 8443, "tls": tls}
    node_port = {"type": "NodePort"}
    product.tools.apply(
        objects.namespace(NAMESPACE),
        secret("shown", NAMESPACE, shown),
        objects.fleet("balanced", NAMESPACE, clients={"proxyProtocol": True}, redis={"enabled": False}),
        objects.fleet("default", NAMESPACE, redis={"enabled": False}),
        objects.zone("direct", NAMESPACE, [DIRECT], "origin-us.example.com", placement=SJC, exposure=node_port),
        objects.zone(
            "behind", NAMESPACE, [BEHIND], "origin-us.example.com", placement=SJC, exposure=node_port, fleet="balanced"
        ),
        objects.zone("shown", NAMESPACE, [SHOWN], placement=SJC, origins=[mutual]),
    )
    product.wait_ready(NAMESPACE, "direct", "behind", "shown")
    yield NAMESPACE
    product.tools.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def node_port(product: Installed, zone: str) -> int:
    """The zone's port of every node, as its status says it."""
    found = product.tools.get("ssz", zone, NAMESPACE) or {}
    return int(found["status"]["endpoints"][0]["nodePort"])


def exchange(cluster: Cluster, node: str, address: tuple[str, int], sent: bytes) -> bytes:
    """What comes back to a client on a node for these bytes, until the server closes."""
    with cluster.inside(node):
        connection = socket.create_connection(address, timeout=15)
    with connection:
        connection.sendall(sent)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    return answer


def asked(host: str) -> bytes:
    """A request whose echo says which headers the origin got."""
    return f"GET /echo?{time.time_ns()} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def forwarded_for(answer: bytes) -> str:
    """X-Forwarded-For as the origin saw it; AssertionError with the answer where there is none."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], answer
    assert b"chunked" not in head.lower(), head
    headers = {name.lower(): value for name, value in json.loads(body)["headers"]}
    assert "x-forwarded-for" in headers, headers
    return str(headers["x-forwarded-for"])


def test_a_node_port_shows_the_clients_own_address(product: Installed, cluster: Cluster, clients: str) -> None:
    """Asked from iad at the node of sjc, where the only lower pod is; a node without one does not answer."""
    port = node_port(product, "direct")
    answer = exchange(cluster, "iad", (cluster.node_address("sjc"), port), asked(DIRECT))
    assert forwarded_for(answer) == cluster.node_address("iad")


def test_the_address_in_a_proxy_header_is_the_clients(product: Installed, cluster: Cluster, clients: str) -> None:
    """What a client says of itself does not count, and a connection without a header is closed unanswered."""
    address = (cluster.node_address("sjc"), node_port(product, "behind"))
    header = f"PROXY TCP4 {SOMEBODY} 192.0.2.1 4711 80\r\n".encode()
    lie = asked(BEHIND).replace(b"Connection:", b"X-Forwarded-For: 192.0.2.99\r\nConnection:")
    assert forwarded_for(exchange(cluster, "iad", address, header + lie)) == SOMEBODY
    assert b"HTTP/1.1 200" not in exchange(cluster, "iad", address, asked(BEHIND))


def test_an_origin_that_demands_a_certificate_is_shown_the_one_of_the_secret(
    product: Installed, cluster: Cluster, clients: str
) -> None:
    """The origin's log has its name; without it the origin answers nobody."""
    edge = product.edge(NAMESPACE, "shown")
    assert edge is not None
    host, _, port = edge.rpartition(":")
    poll(
        "the origin answers",
        lambda: b" 200 " in exchange(cluster, "sjc", (host, int(port)), asked(SHOWN)).split(b"\r\n")[0],
        30,
    )
    seen = [request for request in cluster.origin("origin-us").requests() if request.client]
    assert seen
    assert {request.client for request in seen} == {"the-shield"}
    ready = objects.condition(product.tools.get("ssz", "shown", NAMESPACE), "CertificateReady")
    assert ready["status"] == "True", ready


async def test_a_websocket_goes_through_both_tiers_to_another_continent(
    product: Installed, cluster: Cluster, shop: str
) -> None:
    """From sjc through its lower tier and the upper tier in fra to the origin, and back; small and large, both ways."""
    edge = product.edge(shop, "shop")
    assert edge is not None
    host, _, port = edge.rpartition(":")
    with cluster.inside("sjc"):
        plain = socket.create_connection((host, int(port)), timeout=15)
    path = f"/chat/{time.time_ns()}"
    async with (
        asyncio.timeout(60),
        connect(f"ws://shop.example.com{path}", sock=plain, compression=None, proxy=None, max_size=None) as client,
    ):
        for message in ("hello", "x" * 70_000, b"\x00\xff" * 500_000):
            await client.send(message)
            assert await client.recv() == message
        began = time.monotonic()
        await client.send("again")
        assert await client.recv() == "again"
        assert time.monotonic() - began > 0.14, "the way to Europe and back"
    (seen,) = [r for r in cluster.origin("origin-eu").requests() if r.target == path]
    assert (seen.status, seen.source) == (101, cluster.node_address("fra"))
