"""Each of the 17 reasons, from a real server or network that gives cause for it."""

import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from health.nowhere import NO_ROUTE_AT_ALL, UNREACHABLE, reasons_there
from health.place import SHORT, WEB, Place
from health.servers import (
    DROP_ALL,
    OK,
    Behaviour,
    answers,
    context_of,
    drop,
    encrypted,
    recognizing,
    reset,
    serving,
    speaks_first,
    wait_for_end,
)
from world.certificates import Authority

from shield_proxy.config.checks.decode import decode_check
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.reading import InvalidField
from shield_proxy.health.sample import misconfigured

Probing = Callable[[Place], Awaitable[Reason | None]]


async def against(
    behave: Behaviour, place: Place, kind: str = "HTTP", timeout: float = 3, **config: Any
) -> Reason | None:
    with serving(behave) as server:
        return (await place.probe(server.port, kind, timeout=timeout, **config)).reason


async def nobody_listens(place: Place) -> Reason | None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return (await place.probe(bound.getsockname()[1])).reason


async def a_firewall_drops(place: Place) -> Reason | None:
    with serving(wait_for_end) as server:
        drop(server.listener, DROP_ALL)
        return (await place.probe(server.port, timeout=SHORT)).reason


async def nobody_vouches(place: Place) -> Reason | None:
    files = place.files("web.example", authority=Authority("nobody's CA"))
    return await against(encrypted(context_of(files), answers(OK)), place, "HTTPS", header=WEB)


async def the_name_is_another(place: Place) -> Reason | None:
    return await against(encrypted(context_of(place.files("a.example")), answers(OK)), place, "HTTPS", header=WEB)


async def the_name_is_not_served(place: Place) -> Reason | None:
    context = recognizing(context_of(place.files("web.example")), "web.example")
    return await against(encrypted(context, answers(OK)), place, "HTTPS")


async def nothing_leads_there(place: Place, address: str) -> Reason | None:
    return reasons_there()[address]


async def nobody_knows_the_name(place: Place) -> Reason | None:
    return (await place.probe(80, address="nobody.example")).reason


async def the_name_is_the_clusters(place: Place) -> Reason | None:
    place.names.records["sly.example"] = (60, ["10.96.0.1"])
    return (await place.probe(80, address="sly.example")).reason


async def a_field_is_wrong(place: Place) -> Reason | None:
    spec = {"address": "web.example", "httpConfig": {"expectedCodes": ["20O"]}}
    with pytest.raises(InvalidField) as refused:
        decode_check({"metadata": {"name": "shop", "uid": "0" * 32}, "spec": spec})
    sample = misconfigured(0, str(refused.value))
    assert "spec.httpConfig.expectedCodes[0]" in sample.detail
    return sample.reason


async def the_prober_has_no_descriptors_left(place: Place) -> Reason | None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with exhausted():
            starved = await place.probe(port)
        assert (await place.probe(port)).reason is Reason.TCP_FAILED
    return starved.reason


@contextmanager
def exhausted() -> Iterator[None]:
    """No descriptor is to be had, not even one that is closed meanwhile; those that are open go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


CAUSES: dict[Reason, Probing] = {
    Reason.TCP_FAILED: nobody_listens,
    Reason.HTTP_TIMEOUT: partial(against, wait_for_end, timeout=SHORT),
    Reason.CODE_MISMATCH: partial(against, answers(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")),
    Reason.BODY_MISMATCH: partial(against, answers(OK), expected_body="fine"),
    Reason.TLS_UNTRUSTED: nobody_vouches,
    Reason.TLS_NAME: the_name_is_another,
    Reason.TLS_PROTOCOL: partial(against, speaks_first(b"HTTP/1.1 400 Bad Request\r\n\r\n"), kind="HTTPS"),
    Reason.TLS_UNRECOGNIZED_NAME: the_name_is_not_served,
    Reason.NO_ROUTE: partial(nothing_leads_there, address=UNREACHABLE),
    Reason.TCP_TIMEOUT: a_firewall_drops,
    Reason.NETWORK_UNREACHABLE: partial(nothing_leads_there, address=NO_ROUTE_AT_ALL),
    Reason.HTTP_INVALID: partial(against, speaks_first(b"SSH-2.0-OpenSSH_9\r\n")),
    Reason.DNS_UNKNOWN_HOST: nobody_knows_the_name,
    Reason.RESET: partial(against, answers(b"HTTP/1.1 200 OK\r\n", reset)),
    Reason.CONFIGURATION: a_field_is_wrong,
    Reason.DNS_INTERNAL: the_name_is_the_clusters,
    Reason.OTHER: the_prober_has_no_descriptors_left,
}


@pytest.mark.parametrize("reason", Reason)
async def test_a_probe_tells(place: Place, reason: Reason) -> None:
    assert await CAUSES[reason](place) is reason
