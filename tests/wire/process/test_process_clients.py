"""Clients of a real pod behind a balancer, over IPv6: who they are in the log and to the origin, and who is none."""

import asyncio
import ipaddress
import itertools
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from world.client import Client, Response

NewOrigin = Callable[[str], Awaitable[tuple[int, list[str]]]]
LOWER, UPPER = "127.0.0.21", "127.0.0.31"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
APACHE = re.compile(r'(\S+) - - \[[^]]+] "([^"]*)" (\d+) (\d+|-) "([^"]*)" "([^"]*)"')


def version_1(source: str) -> bytes:
    return f"PROXY TCP6 {source} ::1 4660 80\r\n".encode()


def version_2(source: str) -> bytes:
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address("::1").packed
    return SIGNATURE + b"\x21\x21" + (36).to_bytes(2, "big") + addresses + b"\x12\x34\x00\x50"


async def ask(port: int, header: bytes, target: str) -> Response:
    client = await Client.connect(("::1", port))
    try:
        client.send(header)
        return await client.ask(target, ("User-Agent", "real one"))
    finally:
        await client.close()


async def lines(pod: Any, count: int) -> list[str]:
    """What a pod has logged, as soon as it is so many lines; they are written in batches."""
    async with asyncio.timeout(15):
        while len(found := pod.output.read_text().splitlines()) < count:
            await asyncio.sleep(0.05)
    return list(found)


async def behind_a_balancer(fleet: Any, port: int, **changes: Any) -> list[Any]:
    """An upper, and a lower whose client port is on ::1 and wants PROXY headers."""
    listen = {name: [f"{LOWER}:{getattr(fleet, name)}"] for name in ("hop", "internal", "health")}
    listen["client"] = [f"[::1]:{fleet.client}"]
    pods = [
        fleet.start(UPPER, fleet.state(1, port)),
        fleet.start(LOWER, fleet.state(1, port), listen=listen, proxyProtocol=True, accessLog=True, **changes),
    ]
    await fleet.ready(*pods)
    return pods


async def test_the_address_in_the_header_is_the_clients_in_apaches_log(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("origin")
    _, pod = await behind_a_balancer(fleet, port, accessLogFormat="combined", trustedProxies=["::1/128"])
    headers = (version_1("2001:db8::1"), version_2("2001:db8::2"))
    for header, target in itertools.product(headers, ("/a", "/a", "/now")):
        assert (await ask(fleet.client, header, target)).status == 200
    found = [APACHE.fullmatch(line) for line in await lines(pod, 6)]
    assert all(found)
    told = [(match[1], match[2], match[3], match[4], match[6]) for match in found if match]
    assert sorted(told) == sorted(
        (client, f"GET {target} HTTP/1.1", "200", "6", "real one")
        for client in ("2001:db8::1", "2001:db8::2")
        for target in ("/a", "/a", "/now")
    )


@pytest.mark.parametrize(
    ("trusted", "header"),
    [(["::1/128"], b""), (["::1/128"], version_1("nobody")), (["192.0.2.0/24"], version_1("2001:db8::1"))],
    ids=["no header", "a malformed one", "one of a stranger"],
)
async def test_who_tells_no_address_or_may_not_tell_one_is_no_client(
    fleet: Any, new_origin: NewOrigin, trusted: list[str], header: bytes
) -> None:
    port, seen = await new_origin("origin")
    await behind_a_balancer(fleet, port, trustedProxies=trusted)
    client = await Client.connect(("::1", fleet.client))
    client.send(header + b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    assert await client.closed()
    await client.close()
    assert seen == []


async def test_of_a_share_of_nothing_only_failures_are_logged(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("origin")
    upper, lower = await behind_a_balancer(fleet, port, accessLogSample=0)
    for target in ("/a", "/a", "/now"):
        assert (await ask(fleet.client, version_2("2001:db8::2"), target)).status == 200
    upper.process.kill()
    await upper.ended()
    failed = await ask(fleet.client, version_2("2001:db8::2"), "/now")
    assert failed.status >= 500
    (line,) = map(json.loads, await lines(lower, 1))
    assert (line["client"], line["target"], line["status"]) == ("2001:db8::2", "/now", failed.status)
    assert line["reason"] == json.loads(failed.body)["reason"]
