"""Streams of requests by grammar and mutation, through both tiers: the origin gets what an independent reader judges.

FUZZ_EXAMPLES says how many (`make fuzz` runs more of them than the suite does).
"""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from corpus import chunks, codings, connection, fields, hosts, lengths, lines
from corpus.conversation import OURS, Place
from corpus.mutations import streams
from corpus.recorder import Recorder
from corpus.reference import Meaning, Reading, read_stream
from corpus.strict import Message
from hypothesis import HealthCheck, Phase, given, settings
from world.certificates import Authority
from world.client import Client
from world.fleet import Clock, Fleet, until, zone

from shield_proxy.config.contract import Tier

MODULES = (lengths, codings, chunks, fields, lines, hosts, connection)
SEEDS = [case.raw for module in MODULES for case in module.CASES if len(case.raw) < 600]
PREFIXES = (b"x-forwarded-", b"trace", b"shield-")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3000"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A lower's client port; behind it an upper, and an origin that keeps every byte."""
    origin = Recorder()
    await origin.start()
    fleet = Fleet(tmp_path_factory.mktemp("fuzz"), Clock(), Authority())
    await fleet.add("low", Tier.LOWER)
    await fleet.add("up", Tier.UPPER)
    fleet.use(zone(origin.port))
    yield Place(fleet.pods["low"].client_addresses[0], origin)
    await fleet.close()
    await origin.stop()


def served(meaning: Meaning) -> bool:
    """Whether the fleet has a zone for the host; `OPTIONS *` is answered by the tier itself."""
    host = meaning.host.partition(b":")[0].removesuffix(b".")
    return (host == b"shop.example" or host.endswith(b".shop.example")) and meaning.target != b"*"


async def check_answers(client: Client, reading: Reading) -> None:
    """All answers that the reading expects come, and nothing else; a refusal amid a body may be a cut instead.

    An answer of the tier's own may come before the request's body did; it closes the connection, and the reading ends.
    """
    for number, meaning in enumerate(reading.requests, 1):
        try:
            response = await client.read(meaning.method.decode())
        except ConnectionError:
            if reading.end == "closed":
                return  # what was sent behind the last request may reset the connection after its answer
            raise
        if not served(meaning) and response.values("connection") == ["close"]:
            del reading.requests[number:]
            reading.end = "closed"
        if served(meaning):
            assert response.status == 200, response
            assert response.body in (b"", meaning.method + b" " + meaning.target)
    if reading.end == "refused":
        try:
            response = await client.read()
            own = response.values("allow") and response.status == 200  # of `OPTIONS *`, whose body nobody read
            assert own or response.status in (400, 404, 405, 413, 414, 417, 431, 501, 505), response
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
    if reading.end in ("refused", "closed"):
        assert await client.closed(), "something follows the end"


def same(message: Message, meaning: Meaning) -> None:
    """The origin got what was judged, and our marks."""
    head = meaning.method == b"HEAD" and not meaning.body  # may be asked for by GET
    assert message.method == meaning.method or (head and message.method == b"GET")
    assert (message.target, message.body, message.values(b"host")) == (meaning.target, meaning.body, [meaning.host])
    assert foreign(message.fields) == foreign(meaning.fields)


def foreign(found: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Fields that are not the proxy's to write, nor for its pods alone."""
    spelt = [(field[0].lower().replace(b"_", b"-"), field) for field in found]
    return [field for name, field in spelt if name not in OURS and not name.startswith(PREFIXES)]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(EXAMPLES // 10 + 120)
@given(pieces=streams(SEEDS))
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
async def test_the_origin_gets_what_an_independent_reader_judges(
    place: Place, caplog: pytest.LogCaptureFixture, pieces: list[bytes]
) -> None:
    raw = b"".join(pieces)
    reading = read_stream(raw)
    place.origin.begin()
    client = await place.connect()
    try:
        for piece in pieces:
            if client.writer.transport.is_closing():
                break
            client.send(piece)
            for _ in range(3):
                await asyncio.sleep(0)
        if reading.end == "refused" and not client.writer.transport.is_closing():
            client.send(b"\r\n" * 4)  # a head may be judged when it is whole
        async with asyncio.timeout(5):
            await check_answers(client, reading)
    finally:
        client.writer.transport.abort()
    await until(lambda: not place.origin.unfinished)
    messages, _ = place.origin.seen()
    expected = [meaning for meaning in reading.requests if served(meaning)]
    assert len(messages) == len(expected), (messages, reading)
    for meaning in expected:  # each leg takes whichever of its connections is idle: order is not theirs to keep
        message = next(m for m in messages if (m.target, m.body) == (meaning.target, meaning.body))
        messages.remove(message)
        same(message, meaning)
    again = await place.connect()
    response = await again.ask("/good")
    again.writer.transport.abort()
    assert (response.status, response.body) == (200, b"GET /good")
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
