"""What makes a tunnel of a request, and what never becomes one."""

import asyncio

import pytest
from world.fleet import Fleet, until
from world.origin import Origin, Say
from world.raworigin import RawOrigin
from world.tunnels import ASK, SWITCHED, open_tunnels, two_tiers


async def test_an_answer_that_is_no_101_is_an_ordinary_one(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin.port)
    origin.script = lambda _: Say(status=200, fields=[("Cache-Control", "max-age=60")], body=b"no chat here")
    client = await fleet.client("low")
    for _ in range(2):
        client.send(ASK)
        response = await client.read()
        assert (response.status, response.body, response.word) == (200, b"no chat here", "DYNAMIC")
    assert len(origin.seen) == 2  # not stored
    assert origin.seen[0]["upgrade"] == "chat"
    assert origin.seen[0].connection != origin.seen[1].connection  # a connection that offered is not used again
    assert (await client.ask("/chat")).word == "MISS"


@pytest.mark.parametrize(
    ("request_head", "body"),
    [
        (ASK.replace(b"Upgrade: chat", b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), b""),
        (ASK.replace(b"Upgrade: chat", b"Upgrade: HTTP/2.0, TLS/1.0"), b""),
        (ASK.replace(b", Upgrade", b""), b""),
        (ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"), b"abc"),
        (ASK.replace(b"HTTP/1.1", b"HTTP/1.0"), b""),
    ],
    ids=["h2c", "versions of HTTP and TLS", "Connection does not name it", "with a body", "HTTP/1.0"],
)
async def test_what_is_no_offer_goes_on_without_one(
    fleet: Fleet, origin: Origin, request_head: bytes, body: bytes
) -> None:
    await two_tiers(fleet, origin.port)
    client = await fleet.client("low")
    client.send(request_head + body)
    assert (await client.read()).status == 200
    (seen,) = origin.seen
    assert seen.body == body
    for name in ("upgrade", "connection", "http2-settings"):
        assert seen.values(name) == []


async def test_only_what_may_be_offered_of_an_offer_is(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port)
    client = await fleet.client("low")
    client.send(ASK.replace(b"Upgrade: chat", b"Upgrade: h2c, chat, TLS/1.2"))
    assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    assert b"\r\nUpgrade: chat\r\n" in raw.heads[0]


@pytest.mark.parametrize(
    "answer",
    [
        SWITCHED.replace(b"Upgrade: chat", b"Upgrade: h2c"),
        SWITCHED.replace(b"Upgrade: chat", b"X: y"),
        SWITCHED.replace(b"Connection: upgrade", b"X: y"),
        SWITCHED.replace(b"\r\n\r\n", b"\r\nUpgrade: other\r\n\r\n"),
    ],
    ids=["another protocol", "no protocol", "Connection does not name it", "two protocols"],
)
async def test_a_101_that_was_not_offered_is_the_origins_error(fleet: Fleet, raw: RawOrigin, answer: bytes) -> None:
    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()

    raw.talk = lie
    await two_tiers(fleet, raw.port)
    client = await fleet.client("low")
    client.send(ASK)
    assert (await client.read()).status == 520
    await until(lambda: raw.ended == 1)
    assert open_tunnels(fleet) == 0


async def test_a_101_nobody_asked_for_is_the_origins_error(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port)
    assert (await fleet.get("low", "/a")).status == 520
    await until(lambda: raw.ended >= 1)
