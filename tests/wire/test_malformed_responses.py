"""The corpus of malformed and odd responses of an origin, through an upper and a lower tier to a client."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from corpus import badanswers, otheranswers
from corpus.answers import Answer, Bad, Cut, Good
from corpus.conversation import ways
from world.certificates import Authority
from world.client import Client, Response
from world.fleet import Clock, Fleet, zone

from shield_proxy.config.contract import Tier

ANSWERS = [*badanswers.ANSWERS, *otheranswers.ANSWERS]
NEXT = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\nnext"


class Raw:
    """An origin that answers /x with the pieces it is given, and everything else well."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closes = False
        self.asked: list[tuple[bytes, int]] = []
        """Targets, and the number of the connection each came on."""
        self.port = 0
        self._count = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        number = self._count
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ")[1]
                self.asked.append((target, number))
                if target != b"/x":
                    writer.write(NEXT)
                    continue
                for piece in self.pieces:
                    if writer.transport.is_closing():
                        return  # the proxy has seen enough
                    writer.write(piece)
                    for _ in range(2):
                        await asyncio.sleep(0)
                if self.closes:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the proxy left
        finally:
            self._writers.discard(writer)
            writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Raw, Fleet]]:
    """An origin, and a lower and an upper tier in front of it."""
    origin = Raw()
    await origin.start()
    fleet = Fleet(tmp_path_factory.mktemp("answers"), Clock(), Authority())
    await fleet.add("low", Tier.LOWER)
    await fleet.add("up", Tier.UPPER)
    fleet.use(zone(origin.port))
    yield origin, fleet
    await fleet.close()
    await origin.stop()


async def _ask(client: Client, method: str) -> Response | None:
    """The response; None where it was cut."""
    try:
        # What may be stored is fetched by GET, also for HEAD.
        fields = (("Cache-Control", "no-store"),) if method == "HEAD" else ()
        return await client.ask("/x", *fields, method=method)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("answer", ANSWERS, ids=str)
async def test_a_client_gets_what_was_meant_or_an_error_and_the_next_answer_is_its_own(
    world: tuple[Raw, Fleet], answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    origin, fleet = world
    for pieces in ways(answer.raw) if answer.raw else [[b""]]:
        origin.pieces, origin.closes = pieces, answer.closes
        origin.asked.clear()
        fleet.clock.pass_time(100)  # an origin that fails so often would be left alone for a while
        client = await fleet.client("low")
        response = await _ask(client, answer.method)
        assert origin.asked, "what must not be stored was"
        _check(answer, response)
        connection = origin.asked[-1][1]
        if response is None or response.values("connection") == ["close"]:
            client.writer.transport.abort()
            client = await fleet.client("low")
        after = await client.ask("/next")
        assert (after.status, after.body) == (200, b"next")
        reused = isinstance(answer.verdict, Good) and answer.verdict.reused
        assert (origin.asked[-1] == (b"/next", connection)) is reused
        client.writer.transport.abort()
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


def _check(answer: Answer, response: Response | None) -> None:
    match answer.verdict:
        case Bad():
            assert response is not None
            assert response.status == 520
        case Cut():
            assert response is None or response.status == 520
        case Good() as meaning:
            assert response is not None
            assert (response.status, response.body) == (meaning.status, meaning.body)
            assert len(response.interim) == meaning.interim
            for name, value in meaning.present:
                assert response.values(name) == [value]
            assert not [name for name in meaning.absent if response.values(name)]


def test_the_corpus_is_large() -> None:
    assert len({answer.name for answer in ANSWERS}) == len(ANSWERS)
    assert sum(not isinstance(answer.verdict, Good) for answer in ANSWERS) > 100
