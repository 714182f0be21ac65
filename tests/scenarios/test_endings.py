"""Where a response without a length ends: with the connection, if that was ended properly (RFC 9112, 9.8)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from world.certificates import Authority
from world.fleet import Fleet, OriginTls, zone
from world.origin import Origin, Say
from world.raworigin import RawOrigin

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Origin as Backend

FRESH = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
BODY = b"until the end" * 10_000


@pytest_asyncio.fixture
async def raw(authority: Authority, tmp_path: Path) -> AsyncIterator[RawOrigin]:
    directory = authority.issue(tmp_path / "origin", "origin.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    server = RawOrigin()
    await server.start(context)
    yield server
    await server.stop()


async def two_tiers(fleet: Fleet, port: int, authority: Authority) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    tls = OriginTls("origin.example", ca_bundle=authority.pem)
    fleet.use(zone(port, origins=(Backend("web", "127.0.0.1", port, tls=tls),)))


def says(head: bytes, body: bytes, *, alert: bool) -> object:
    """An origin that answers and ends the connection, with TLS' closure alert or without."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"\r\n" + body)
        await writer.drain()
        if not alert:
            while writer.transport.get_write_buffer_size():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            writer.transport.abort()  # of the connection below: no alert is written

    return talk


async def test_a_body_that_a_closure_alert_ends_is_whole_and_stored(
    fleet: Fleet, raw: RawOrigin, authority: Authority
) -> None:
    await two_tiers(fleet, raw.port, authority)
    raw.talk = says(FRESH, BODY, alert=True)  # type: ignore[assignment]
    assert (await fleet.get("low", "/a")).body == BODY
    again = await fleet.get("low", "/a")
    assert (again.word, again.body) == ("HIT", BODY)


@pytest.mark.parametrize(
    "head",
    [FRESH, FRESH.replace(b"1.1", b"1.0"), b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"],
    ids=["HTTP/1.1", "HTTP/1.0", "not to be stored"],
)
async def test_a_body_without_a_closure_alert_is_cut_short_and_never_stored(
    fleet: Fleet, raw: RawOrigin, authority: Authority, head: bytes
) -> None:
    await two_tiers(fleet, raw.port, authority)
    raw.talk = says(head, BODY, alert=False)  # type: ignore[assignment]
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await fleet.get("low", "/a")
    raw.talk = says(FRESH, b"whole", alert=True)  # type: ignore[assignment]
    again = await fleet.get("low", "/a")
    assert (again.word, again.body) == ("MISS", b"whole")


async def test_a_body_with_a_length_needs_no_alert(fleet: Fleet, raw: RawOrigin, authority: Authority) -> None:
    await two_tiers(fleet, raw.port, authority)
    raw.talk = says(FRESH + b"Content-Length: %d\r\n" % len(BODY), BODY, alert=False)  # type: ignore[assignment]
    assert (await fleet.get("low", "/a")).body == BODY
    assert (await fleet.get("low", "/a")).word == "HIT"


@pytest.mark.parametrize("how", ["length", "chunks"])
async def test_a_body_that_stops_before_its_end_cuts_the_client_too(fleet: Fleet, origin: Origin, how: str) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(origin.port))
    cached = [("Cache-Control", "max-age=60")]
    short = Say(fields=cached, body=b"half", length=8, cut=True)
    origin.script = lambda _: short if how == "length" else Say(fields=cached, chunks=[b"half"], cut=True)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await fleet.get("low", "/a")
    origin.script = lambda _: Say(body=b"whole")
    assert (await fleet.get("low", "/a")).body == b"whole"


async def test_an_http_1_0_origin_is_streamed_as_it_comes(fleet: Fleet, raw: RawOrigin, authority: Authority) -> None:
    await two_tiers(fleet, raw.port, authority)
    gate = asyncio.Event()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FRESH.replace(b"1.1", b"1.0") + b"\r\nfirst")
        await gate.wait()
        writer.write(b"last")

    raw.talk = talk
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    assert await client.reader.readuntil(b"first\r\n")
    gate.set()
    assert (await client.reader.readuntil(b"\r\n0\r\n\r\n")).endswith(b"last\r\n0\r\n\r\n")


async def test_options_of_the_server_itself_are_answered_here(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(origin.port))
    client = await fleet.client("low")
    for target in ("*", "http://shop.example"):
        client.send(f"OPTIONS {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
        response = await client.read()
        assert (response.status, "GET" in response["allow"]) == (200, True)
    assert origin.seen == []
