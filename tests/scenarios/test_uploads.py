"""Request bodies through two tiers: how large, how slow, when asked for, and answers that come before their end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from world.client import Client
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say, Seen
from world.raworigin import RawOrigin

from shield_proxy.config.contract import Tier

CHUNKED = b"POST /a HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECTS = b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[RawOrigin]:
    server = RawOrigin()
    await server.start()
    yield server
    await server.stop()


async def two_tiers(fleet: Fleet, origin: Origin, most: int = 1000, **changes: object) -> Client:
    await fleet.add("low", Tier.LOWER, "eu/a", **changes)
    await fleet.add("up", Tier.UPPER, "us/b", **changes)
    fleet.use(zone(origin.port, max_request_bytes=most))
    return await fleet.client("low")


# -- how large


@pytest.mark.parametrize("expect", [(), (("Expect", "100-continue"),)], ids=["sent at once", "asked for first"])
async def test_a_length_above_the_limit_is_refused_before_anything_is_sent_on(
    fleet: Fleet, origin: Origin, expect: tuple[tuple[str, str], ...]
) -> None:
    client = await two_tiers(fleet, origin)
    fields = [f"{name}: {value}\r\n" for name, value in (("Content-Length", "1001"), *expect)]
    client.send(b"POST /a HTTP/1.1\r\nHost: shop.example\r\n" + "".join(fields).encode() + b"\r\n")
    response = await client.read()
    assert (response.status, response["connection"], response.interim) == (413, "close", [])
    assert await client.closed()
    assert origin.connections == 0


async def test_a_body_at_the_limit_passes(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    assert (await client.ask("/a", method="PUT", body=b"x" * 1000)).status == 200
    client.send(CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n")
    assert (await client.read()).status == 200
    assert [len(seen.body) for seen in origin.seen] == [1000, 1000]


async def test_chunks_above_the_limit_are_cut_and_refused(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    whole: list[Seen] = []
    origin.script = lambda seen: whole.append(seen) or Say()
    client.send(CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    await until(lambda: len(origin.seen) == 1)
    client.send(b"1\r\nx\r\n0\r\n\r\n")
    response = await client.read()
    assert (response.status, response["connection"]) == (413, "close")
    assert await client.closed()
    await until(lambda: not origin.writers)
    assert whole == []


async def test_chunks_that_come_at_once_and_are_too_many_go_nowhere(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    client.send(CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n")
    assert (await client.read()).status == 413
    assert await client.closed()
    assert origin.connections == 0


async def test_the_limit_cuts_a_response_that_has_begun(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    origin.reads_bodies = False
    gate = asyncio.Event()
    origin.script = lambda _: Say(chunks=[b"begun", b"rest"], gate=gate)
    client.send(CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    assert (await client.read_head())[0] == 200
    client.send(b"1\r\nx\r\n0\r\n\r\n")
    try:
        assert not (await client.reader.read()).endswith(b"0\r\n\r\n")
    except ConnectionResetError:
        pass  # cut, too


# -- when they are asked for


async def test_an_origin_that_refuses_at_once_gets_no_body(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    origin.reads_bodies = False
    origin.script = lambda _: Say(status=401, body=b"who are you", close=True)
    client.send(EXPECTS)
    response = await client.read()
    assert (response.status, response.body, response.interim) == (401, b"who are you", [])
    assert origin.seen[0]["expect"] == "100-continue"


async def test_an_origin_that_knows_nothing_of_expect_gets_the_body_all_the_same(
    fleet: Fleet, origin: Origin, raw: RawOrigin
) -> None:
    client = await two_tiers(fleet, origin)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(3))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    got: list[bytes] = []
    raw.talk = silent
    fleet.use(zone(raw.port))
    client.send(EXPECTS)
    assert await client.reader.readexactly(len(CONTINUE)) == CONTINUE
    client.send(b"abc")
    response = await client.read()
    assert (response.status, response.interim, got) == (200, [], [b"abc"])  # once is enough


async def test_other_expectations_fail_and_those_of_http_1_0_are_ignored(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    client.send(EXPECTS.replace(b"100-continue", b"200-ok"))
    assert (await client.read()).status == 417
    client = await fleet.client("low")
    client.send(EXPECTS.replace(b"HTTP/1.1", b"HTTP/1.0") + b"abc")
    response = await client.read()
    assert (response.status, response.interim) == (200, [])
    assert [seen.values("expect") for seen in origin.seen] == [[]]


async def test_an_expectation_without_a_body_is_not_passed_on(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin)
    response = await client.ask("/a", ("Expect", "100-continue"), method="DELETE")
    assert (response.status, response.interim) == (200, [])
    assert origin.seen[0].values("expect") == []


# -- answers that come before their end


async def test_request_and_response_go_on_side_by_side(fleet: Fleet, raw: RawOrigin) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while size := int(await reader.readuntil(b"\r\n"), 16):
            piece = (await reader.readexactly(size + 2))[:-2]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece.upper()))
        await reader.readexactly(2)
        writer.write(b"0\r\n\r\n")

    raw.talk = talk
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(raw.port))
    client = await fleet.client("low")
    client.send(CHUNKED)
    assert (await client.read_head())[0] == 200
    for word in (b"one", b"two", b"three"):
        client.send(b"%x\r\n%s\r\n" % (len(word), word))
        size = int(await client.reader.readuntil(b"\r\n"), 16)
        assert (await client.reader.readexactly(size + 2))[:-2] == word.upper()
    client.send(b"0\r\n\r\n")
    assert await client.reader.readexactly(5) == b"0\r\n\r\n"


@pytest.mark.parametrize("closes", [True, False], ids=["and closes", "and reads no further"])
async def test_an_early_answer_is_not_lost_amid_a_large_upload(fleet: Fleet, origin: Origin, closes: bool) -> None:
    client = await two_tiers(fleet, origin, most=1 << 30)
    origin.reads_bodies = False

    async def refuse(_: Seen) -> Say:
        return Say(status=413, body=b"too much for me" * 1000, close=closes)

    origin.script = refuse
    client.send(b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000000\r\n\r\n")
    sending = asyncio.create_task(_pour(client))
    response = await client.read()
    assert (response.status, response.body, response["connection"]) == (413, b"too much for me" * 1000, "close")
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def _pour(client: Client) -> None:
    while True:
        client.send(b"x" * 100_000)
        await client.writer.drain()


# -- how slow


async def test_uploads_leave_room_for_other_requests(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin, running=8)
    slow = [await fleet.client("low") for _ in range(4)]
    for client in slow:
        client.send(CHUNKED + b"5\r\nslow")
    await until(lambda: fleet.pods["low"]._core.uploads == 4)
    crowded = await fleet.get("low", "/a", method="POST", body=b"x")
    assert (crowded.status, crowded["retry-after"]) == (503, "1")
    assert (await fleet.get("low", "/b")).status == 200
    for client in slow:
        client.send(b"!\r\n0\r\n\r\n")
        assert (await client.read()).status == 200
    assert (await fleet.get("low", "/a", method="POST", body=b"x")).status == 200


async def test_a_body_that_trickles_is_refused_and_one_that_keeps_up_is_not(fleet: Fleet, origin: Origin) -> None:
    client = await two_tiers(fleet, origin, most=1 << 30)
    other = await fleet.client("low")
    client.send(CHUNKED)
    other.send(CHUNKED)
    low = fleet.pods["low"]
    await until(lambda: low._core.uploads == 2)
    low._client.sweep(fleet.clock())
    for turn in range(1, 9):
        client.send(b"1\r\nx\r\n")
        other.send(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        bodies = [c._exchange.body for c in low._client._plain._connections if c._exchange is not None]
        await until(lambda: {b.total for b in bodies if b is not None} == {turn, 10_000 * turn}, 5)  # noqa: B023
        await asyncio.sleep(0.01)
        fleet.clock.pass_time(10)
        low._client.sweep(fleet.clock())
        if turn < 3:
            assert low._core.uploads == 2
        await asyncio.sleep(0.01)
        if low._core.uploads == 1:
            break
    response = await client.read()
    assert (response.status, response["connection"]) == (408, "close")
    assert "request-body-too-slow" in response["cache-status"]
    other.send(b"0\r\n\r\n")
    assert (await other.read()).status == 200
