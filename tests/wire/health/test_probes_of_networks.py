"""Networks and names that lead nowhere, or where a probe must not go."""

import socket

import pytest
from health.nowhere import NO_ROUTE_AT_ALL, NOBODY, ONLY_IPV6, PROHIBITED, SWALLOWED, UNREACHABLE, reasons_there
from health.place import SHORT, Place
from health.servers import DROP_ALL, DROP_WHAT_CARRIES_BYTES, drop, leave, serving, wait_for_end

from shield_proxy.config.checks.reasons import Reason


@pytest.mark.parametrize("kind", ["HTTP", "HTTPS", "TCP"])
async def test_nobody_listens(place: Place, kind: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        sample = await place.probe(bound.getsockname()[1], kind)
    assert (sample.reason, sample.detail) == (Reason.TCP_FAILED, "connection refused")
    assert sample.address == "127.0.0.1"


@pytest.mark.parametrize("kind", ["HTTP", "TCP"])
async def test_a_firewall_drops_what_comes(place: Place, kind: str) -> None:
    with serving(leave) as server:
        drop(server.listener, DROP_ALL)
        sample = await place.probe(server.port, kind, timeout=SHORT)
        assert server.connections == 0
    assert (sample.reason, sample.detail) == (Reason.TCP_TIMEOUT, "no answer to the connection within 0.6 s")


@pytest.mark.parametrize("kind", ["HTTP", "HTTPS"])
async def test_what_is_sent_is_not_acknowledged(place: Place, kind: str) -> None:
    """Silence of the network is told from the silence of a server, which has got the request."""
    with serving(wait_for_end) as server:
        drop(server.listener, DROP_WHAT_CARRIES_BYTES)
        assert (await place.probe(server.port, "TCP", timeout=SHORT)).healthy
        sample = await place.probe(server.port, kind, timeout=SHORT)
    assert sample.reason is Reason.TCP_TIMEOUT, sample


async def test_names_that_nobody_knows(place: Place) -> None:
    place.names.records["nothing.example"] = (60, [])
    for name in ("nobody.example", "nothing.example"):
        sample = await place.probe(80, address=name)
        assert (sample.reason, sample.attempts) == (Reason.DNS_UNKNOWN_HOST, 1)
        assert sample.detail == f"{name} has no address"
    place.names.failing = True
    failing = await place.probe(80, address="shop.example", timeout=1)
    assert failing.reason is Reason.DNS_UNKNOWN_HOST
    assert "resolver" in failing.detail
    place.names.silent = True
    silent = await place.probe(80, address="shop.example", timeout=SHORT)
    assert (silent.reason, silent.address) == (Reason.DNS_UNKNOWN_HOST, None)
    assert "no answer of the resolver" in silent.detail


@pytest.mark.parametrize(
    "addresses", [["10.96.0.1"], ["192.0.2.1", "10.96.0.1"], ["192.0.2.1", "fe80::1"], ["0.0.0.0"]]
)
async def test_names_of_the_clusters_own_addresses_are_not_connected_to(place: Place, addresses: list[str]) -> None:
    place.names.records["sly.example"] = (60, addresses)
    for kind in ("HTTP", "TCP"):
        sample = await place.probe(80, kind, address="sly.example")
        assert sample.reason is Reason.DNS_INTERNAL
        assert (sample.address, sample.waterfall.tcp) == (None, None)


def test_networks_that_lead_nowhere_are_told_apart() -> None:
    assert reasons_there() == {
        NO_ROUTE_AT_ALL: Reason.NETWORK_UNREACHABLE,
        ONLY_IPV6: Reason.NETWORK_UNREACHABLE,
        UNREACHABLE: Reason.NO_ROUTE,
        NOBODY: Reason.NO_ROUTE,
        PROHIBITED: Reason.TCP_FAILED,
        SWALLOWED: Reason.TCP_TIMEOUT,
    }
