"""The server on a real socket, with a small service behind it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace

import pytest
import pytest_asyncio
from world.client import Client
from world.fleet import Clock, until

from shield_proxy.wire.fast import Answer, FastPath, Resource, Tally
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.parse import HeadLimits
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.listener import Listener, ServerLimits

GET = b"GET /%s HTTP/1.1\r\nHost: a.example\r\n\r\n"


class Echo:
    """Answers at once, or later, what it was asked; remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.bodies: list[bytes] = []
        self.tally = Tally("zone")
        resource = Resource(b"key", ())
        resource.answer = Answer(b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"hit", 0.0, 1e9, self.tally)
        large = Resource(b"large", ())
        large.answer = Answer(b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"x" * 100_000, 0.0, 1e9, self.tally)
        names = {b"a.example/hit": resource, b"a.example/hit/large": large}
        self.fast: FastPath | None = FastPath(names, HeadLimits())
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def hits(self) -> int:
        return self.tally.count

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return b"HTTP/1.1 %d No\r\n" % status, reason.encode()

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        self.seen.append(exchange)
        if exchange.head.target.startswith(b"/now"):
            exchange.reply(200, b"HTTP/1.1 200 OK\r\n", exchange.head.target)
            return None
        return self._later(exchange)

    async def _later(self, exchange: Exchange) -> None:
        body = b""
        if exchange.body is not None and exchange.head.target != b"/unread":
            while piece := await exchange.body.read():
                body += piece
        self.bodies.append(body)
        await self.gate.wait()
        match exchange.head.target:
            case b"/stream":
                exchange.begin(200, b"HTTP/1.1 200 OK\r\n", None)
                for piece in (b"one", b"two", b"three"):
                    await exchange.write(piece)
                exchange.end()
            case b"/large":
                exchange.begin(200, b"HTTP/1.1 200 OK\r\n", 8 << 20)
                for _ in range(128):
                    await exchange.write(b"x" * (64 << 10))
                exchange.end()
            case b"/broken":
                exchange.begin(200, b"HTTP/1.1 200 OK\r\n", 100)
                await exchange.write(b"x")
                raise RuntimeError("broken on purpose")
            case b"/refused":
                raise Refused(418, "teapot")
            case b"/interim":
                exchange.interim(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n")
                exchange.reply(200, b"HTTP/1.1 200 OK\r\n", b"ok")
            case target:
                exchange.reply(200, b"HTTP/1.1 200 OK\r\n", exchange.head.method + target + body)


class Server:
    def __init__(self) -> None:
        self.clock = Clock()
        self.service = Echo()
        self.listener = Listener(self.service, ServerLimits(), self.clock)
        self.clients: list[Client] = []

    async def start(self) -> None:
        await self.listener.listen((("127.0.0.1", 0),))

    async def client(self) -> Client:
        self.clients.append(await Client.connect(self.listener.addresses[0]))
        return self.clients[-1]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    await running.start()
    yield running
    for client in running.clients:
        await client.close()
    running.listener.close()
    await until(lambda: running.listener.connections == 0)


REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    "host with a space": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "host with user": (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    "empty host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "length and chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "chunked and length": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "length list": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
    "signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
    "negative length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
    "hexadecimal length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400),
    "empty length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabc", 400),
    "underscored length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nabc", 400),
    "huge length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    "unknown coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
    "coding before chunked": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "chunked not last": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "chunked twice": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "identity": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400),
    "two codings": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        400,
    ),
    "vertical tab in coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "folded line": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "folded first line": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "tab before colon": (b"GET / HTTP/1.1\r\nHost: a\r\nX\t: a\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400),
    "empty name": (b"GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", 400),
    "name with parenthesis": (b"GET / HTTP/1.1\r\nHost: a\r\nX(: a\r\n\r\n", 400),
    "name beyond ascii": (b"GET / HTTP/1.1\r\nHost: a\r\nX\xe9: a\r\n\r\n", 400),
    "bare line feed after the line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare line feed in fields": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "only line feeds": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare carriage return": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    "nul": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
    "delete character": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 400),
    "control in target": (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "fragment": (b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "space in target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "tab instead of space": (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "leading space": (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "http/0.9": (b"GET /\r\n", 400),
    "http/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "http/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    "http/1": (b"GET / HTTP/1\r\nHost: a\r\n\r\n", 505),
    "lower-case version": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
    "method with a control": (b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "star without options": (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "relative target": (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute form of another host": (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute form of another scheme": (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute form with user": (b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "long target": (b"GET /" + b"a" * (16 << 10) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "endless target": (b"GET /" + b"a" * (20 << 10), 414),
    "long head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (33 << 10) + b"\r\n\r\n", 431),
    "endless head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (40 << 10), 431),
    "many fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 300 + b"\r\n", 431),
}


@pytest.mark.parametrize(("raw", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_could_be_understood_in_two_ways_is_refused_and_closes(
    server: Server, raw: bytes, status: int
) -> None:
    client = await server.client()
    client.send(raw)
    assert (await client.read()).status == status
    assert await client.closed()
    assert server.service.seen == []


BAD_BODIES = {
    "size is no number": b"x\r\nabc\r\n0\r\n\r\n",
    "size with sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "size with prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "size with space": b" 3\r\nabc\r\n0\r\n\r\n",
    "empty size": b"\r\nabc\r\n0\r\n\r\n",
    "bare line feed after size": b"3\nabc\r\n0\r\n\r\n",
    "chunk too long": b"3\r\nabcd\r\n0\r\n\r\n",
    "bare line feed after chunk": b"3\r\nabc\n0\r\n\r\n",
    "huge size": b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "carriage return in extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "folded trailer": b"3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n",
    "nonsense trailer": b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_malformed_chunks_are_refused_and_close(server: Server, body: bytes) -> None:
    client = await server.client()
    client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert (await client.read()).status == 400
    assert await client.closed()
    assert server.service.bodies == []


async def test_absolute_form_means_what_it_names(server: Server) -> None:
    client = await server.client()
    client.send(b"GET http://A.example:80?q=1 HTTP/1.1\r\nHost: a.example:80\r\n\r\n")
    assert (await client.read()).body == b"GET/?q=1"
    assert server.service.seen[0].head.authority == b"a.example:80"


async def test_pipelined_requests_are_answered_in_order_slow_or_fast(server: Server) -> None:
    client = await server.client()
    names = [b"slow", b"now/1", b"hit", b"stream", b"now/2", b"hit", b"slow"]
    client.send(b"".join(GET % name for name in names) * 3)
    bodies = [(await client.read()).body for _ in range(3 * len(names))]
    assert bodies == [b"GET/slow", b"/now/1", b"hit", b"onetwothree", b"/now/2", b"hit", b"GET/slow"] * 3


async def test_a_plain_request_never_meets_the_full_parser(server: Server) -> None:
    client = await server.client()
    for expected in (1, 2, 3):
        client.send(GET % b"hit")
        await client.read()
        assert server.service.hits == expected


async def test_any_split_of_the_bytes_gives_the_same_answers(server: Server) -> None:
    raw = b"\r\n" + GET % b"hit" + b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw += b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n" + GET % b"now"
    for step in (1, 2, 3, 7, len(raw)):
        client = await server.client()
        for start in range(0, len(raw), step):
            client.send(raw[start : start + step])
            await asyncio.sleep(0)
        assert [(await client.read()).body for _ in range(3)] == [b"hit", b"POST/pabc0123456789", b"/now"]
        await client.close()


async def test_http_1_0_closes_unless_asked_and_gets_no_chunks(server: Server) -> None:
    client = await server.client()
    client.send(b"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (await client.read()).body == b"onetwothree"
    client = await server.client()
    client.send(b"GET /now HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    response = await client.read()
    assert (response.body, response["connection"]) == (b"/now", "keep-alive")
    client.send(b"GET /now HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (await client.read())["connection"] == "close"
    assert await client.closed()


async def test_connection_close_is_obeyed(server: Server) -> None:
    client = await server.client()
    client.send(b"GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET % b"now")
    assert (await client.read())["connection"] == "close"
    assert await client.closed()


async def test_head_has_the_length_and_no_body(server: Server) -> None:
    client = await server.client()
    client.send(b"HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n" + GET % b"now")
    assert (await client.read("HEAD"))["content-length"] == "4"
    assert (await client.read()).body == b"/now"


async def test_interim_responses_come_first_and_not_to_http_1_0(server: Server) -> None:
    client = await server.client()
    client.send(GET % b"interim")
    response = await client.read()
    assert (response.interim, response.body) == ([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"], b"ok")
    client.send(b"GET /interim HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (await client.read()).interim == []


async def test_an_answer_before_the_body_was_read_closes_the_connection(server: Server) -> None:
    client = await server.client()
    client.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
    response = await client.read()
    assert (response.status, response["connection"]) == (200, "close")


async def test_a_service_that_breaks_is_a_500_or_a_cut(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = await server.client()
    client.send(GET % b"broken")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.read()
    assert "broken on purpose" in caplog.text
    client = await server.client()
    client.send(GET % b"refused")
    assert (await client.read()).status == 418


async def test_a_slow_reader_is_not_buffered_for(server: Server) -> None:
    client = await server.client()
    client.send(GET % b"large")
    await client.read_head()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    (connection,) = server.listener._connections
    await until(lambda: connection._channel is not None and connection._channel.stalled_since is not None)
    assert connection._channel is not None
    assert connection._channel.transport.get_write_buffer_size() < 1 << 20
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    assert len(await client.reader.readexactly(8 << 20)) == 8 << 20


async def test_pipelined_hits_are_not_queued_for_a_client_that_does_not_read(server: Server) -> None:
    client = await server.client()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    client.send(GET % b"hit/large" * 500 + GET % b"slow" + GET % b"hit" * 2)
    await until(lambda: server.service.hits > 0)
    (connection,) = server.listener._connections
    await until(lambda: connection._channel is not None and connection._channel.stalled_since is not None)
    assert connection._channel is not None
    assert connection._channel.transport.get_write_buffer_size() < 1 << 20
    assert server.service.hits < 400
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(500):
        assert len((await client.read()).body) == 100_000
    assert [(await client.read()).body for _ in range(3)] == [b"GET/slow", b"hit", b"hit"]
    client.send(GET % b"now")
    assert (await client.read()).body == b"/now"


async def test_what_was_asked_before_a_client_had_sent_all_is_answered(server: Server) -> None:
    client = await server.client()
    server.service.gate.clear()
    client.send(GET % b"slow" + GET % b"now" + GET % b"stream" + GET % b"hit" + b"GET /part")
    client.writer.write_eof()
    await until(lambda: bool(server.service.seen))
    server.service.gate.set()
    bodies = [(await client.read()).body for _ in range(4)]
    assert bodies == [b"GET/slow", b"/now", b"onetwothree", b"hit"]
    assert await client.closed()


async def test_hits_that_wait_for_a_slow_reader_outlive_its_half_close(server: Server) -> None:
    client = await server.client()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    client.send(GET % b"hit/large" * 300)
    client.writer.write_eof()
    await until(lambda: server.service.hits > 0)
    await asyncio.sleep(0.05)
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(300):
        assert len((await client.read()).body) == 100_000
    assert await client.closed()


@pytest.mark.parametrize("target", [b"hit", b"now", b"slow"])
async def test_the_last_request_that_a_connection_may_send_closes_it(server: Server, target: bytes) -> None:
    server.listener.limits = replace(server.listener.limits, requests=3)
    client = await server.client()
    client.send(GET % target * 5)
    for _ in range(2):
        assert (await client.read()).values("connection") == []
    assert (await client.read())["connection"] == "close"
    assert await client.closed()


async def test_a_request_body_is_not_buffered_for_a_slow_service(server: Server) -> None:
    client = await server.client()
    server.service.gate.clear()
    client.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
    client.send(b"x" * 20_000_000)
    await until(lambda: len(server.service.seen) == 1)
    await asyncio.sleep(0.05)
    body = server.service.seen[0].body
    assert body is not None
    assert body.waiting < 2 << 20
    server.service.gate.set()
    assert (await client.read()).status == 200


async def test_requests_behind_a_slow_one_are_held_bounded(server: Server) -> None:
    client = await server.client()
    server.service.gate.clear()
    client.send(GET % b"slow")
    await until(lambda: len(server.service.seen) == 1)
    client.send(GET % b"now" * 20_000)
    (connection,) = server.listener._connections
    await until(lambda: connection._channel is not None and connection._channel.paused)
    assert len(connection._held) < 1 << 20
    server.service.gate.set()
    for _ in range(20_000):
        await client.read()


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [(b"", 401, None), (GET % b"now", 401, 200), (b"GET / HT", 31, 408)],
    ids=["silent", "idle", "slow head"],
)
async def test_clients_that_keep_nothing_moving_are_let_go(
    server: Server, sent: bytes, seconds: float, status: int | None
) -> None:
    client = await server.client()
    client.send(sent)
    await until(lambda: server.listener.connections == 1)
    (connection,) = server.listener._connections
    if sent == b"GET / HT":
        await until(lambda: bool(connection._held))
    elif status is not None:
        await client.read()
    server.clock.pass_time(seconds - 5)
    server.listener.sweep(server.clock())
    assert connection._channel is not None
    assert not connection._channel.transport.is_closing()
    server.clock.pass_time(6)
    server.listener.sweep(server.clock())
    if status == 408:
        assert (await client.read()).status == 408
    assert await client.closed()


async def test_a_body_that_stops_is_given_up(server: Server) -> None:
    client = await server.client()
    client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    await until(lambda: len(server.service.seen) == 1)
    server.clock.pass_time(31)
    server.listener.sweep(server.clock())
    assert (await client.read()).status == 408
    assert await client.closed()


async def test_connections_beyond_the_limit_are_closed(server: Server) -> None:
    server.listener.door.room.most = 2
    clients = [await server.client() for _ in range(2)]
    for client in clients:
        client.send(GET % b"now")
        await client.read()
    assert await (await server.client()).closed()
    assert server.listener.refused == 1
