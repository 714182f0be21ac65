"""Sends a case in pieces, and compares what came back and what the origin got with the verdict."""

import asyncio
import ssl
from collections.abc import Iterator

from world.client import Client
from world.fleet import until

from corpus.cases import HOST, Case, No, Own, Yes
from corpus.recorder import Recorder
from corpus.strict import Message

CANARY = b"GET /canary HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
OURS = (b"host", b"content-length", b"transfer-encoding", b"via", b"cdn-loop", b"expect", b"forwarded", b"x-real-ip")
OURS += (b"connection", b"te", b"trailer")  # the strict reader judges what they say
"""Fields that the proxy writes, or may pass on, whatever was sent; X-Forwarded-* and trace context likewise."""
SMALL = 1500
CUTS = 10


def ways(raw: bytes) -> Iterator[list[bytes]]:
    """The bytes whole, cut in two at many places (at line ends first of all), and in very small pieces."""
    yield [raw]
    ends = [i + k for i, byte in enumerate(raw[:4096]) if byte in b"\r\n" for k in (0, 1)]
    places = sorted({place for place in (*ends, len(raw) // 2, len(raw) - 1, 1) if 0 < place < len(raw)})
    for place in places[:: max(1, len(places) // CUTS)]:
        yield [raw[:place], raw[place:]]
    step = 1 if len(raw) <= SMALL else 997
    yield [raw[i : i + step] for i in range(0, len(raw), step)]


class Place:
    """A port of a proxy, and the origin behind it."""

    def __init__(self, address: tuple[str, int], origin: Recorder, context: ssl.SSLContext | None = None) -> None:
        self.address, self.origin, self.context = address, origin, context

    async def connect(self) -> Client:
        """A connection of a client or of a pod."""
        name = None if self.context is None else ""
        reader, writer = await asyncio.open_connection(
            *self.address, ssl=self.context, server_hostname=name, limit=1 << 20
        )
        return Client(reader, writer)

    async def judge(self, case: Case, pieces: list[bytes]) -> None:
        """One conversation; AssertionError tells what differs from the verdict."""
        self.origin.begin()
        client = await self.connect()
        try:
            await self._send(client, pieces)
            match case.verdict:
                case No():
                    await self._refused(client, case.verdict)
                case Own(status, closes):
                    assert (await client.read()).status == status
                    await self._goes_on(client, closes)
                case Yes() as meaning:
                    answer = await client.read(meaning.method.decode())
                    assert answer.status == 200
                    assert answer.body in (b"", meaning.method + b" " + meaning.target)
                    await self._goes_on(client, meaning.closes)
        finally:
            client.writer.transport.abort()
        await self._compare(case.verdict)

    async def _send(self, client: Client, pieces: list[bytes]) -> None:
        for piece in pieces:
            client.send(piece)
            for _ in range(3):
                await asyncio.sleep(0)
        client.send(CANARY)

    async def _refused(self, client: Client, verdict: No) -> None:
        try:
            answer = await client.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            # A pod doesn't wait for another to have read its answer; and a response that has begun is cut.
            assert self.context is not None or verdict.begun
            return
        assert answer.status == verdict.status, answer.head
        assert answer["connection"] == "close"
        assert await client.closed(), "something follows the refusal"

    async def _goes_on(self, client: Client, closes: bool) -> None:
        if closes:
            assert await client.closed(), "the canary was answered"
        else:
            answer = await client.read()
            assert (answer.status, answer.body) == (200, b"GET /canary")

    async def _compare(self, verdict: No | Own | Yes) -> None:
        await until(lambda: not self.origin.unfinished)
        messages, rests = self.origin.seen()
        match verdict:
            case No(begun=begun):
                assert messages == []
                assert begun or not rests, rests
                assert all(rest.startswith(b"POST /x HTTP/1.1\r\n") for rest in rests)
            case Own(closes=closes):
                assert [m.target for m in messages] == ([] if closes else [b"/canary"])
            case Yes() as meaning:
                assert not rests
                same = [m for m in messages if m.target == meaning.target]
                others = [m.target for m in messages if m.target != meaning.target]
                assert others == ([] if meaning.closes else [b"/canary"])
                (message,) = same
                _same(message, meaning)


def _same(message: Message, meaning: Yes) -> None:
    assert (message.method, message.body) == (meaning.method, meaning.body)
    assert message.values(b"host") == [meaning.host]
    assert message.values(b"x-forwarded-host") in ([], [meaning.host])
    ours = [f for f in message.fields if f[0].lower() in OURS or f[0].lower().startswith((b"x-forwarded-", b"trace"))]
    assert tuple(f for f in message.fields if f not in ours) == meaning.fields
    assert not any(name.lower().startswith(b"shield-") for name, _ in message.fields)
