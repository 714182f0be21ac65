"""Large bodies that leave as a file's pages: the bytes that arrive, their order, and what is kept."""

import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
import pytest_asyncio
from world.client import Client
from world.fleet import Clock, until

from shield_proxy.wire.fast import Answer, FastPath, Resource, Tally
from shield_proxy.wire.fast.files import LEAST, send_file, send_file_purely
from shield_proxy.wire.flow.channel import WRITE_BUFFER
from shield_proxy.wire.http.parse import HeadLimits
from shield_proxy.wire.serving import pages
from shield_proxy.wire.serving.doors import Entry
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.pages import MOST_FILES, QUIET, Pages
from shield_proxy.wire.serving.server import ServerConnection
from shield_proxy.wire.tls.certificates import Certificates

GET = b"GET /%s HTTP/1.1\r\nHost: a.example\r\n\r\n"
SIZE = 1 << 20
BODIES = {name: random.Random(name).randbytes(size) for name, size in (("a", SIZE), ("b", SIZE), ("c", LEAST))}
BODIES["small"] = b"small"
MOST = 4 * SIZE
"""Bytes that two bodies of SIZE cost."""


class Stored:
    """Answers with BODIES on the fast path, and with what was asked for beside it."""

    def __init__(self) -> None:
        self.tally = Tally("zone")
        names: dict[bytes, Resource] = {}
        for name, body in BODIES.items():
            resource = names[b"a.example/" + name.encode()] = Resource(name.encode(), ())
            resource.answer = Answer(b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", body, 0.0, 1e9, self.tally)
        self.fast: FastPath | None = FastPath(names, HeadLimits())

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return b"HTTP/1.1 %d No\r\n" % status, reason.encode()

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        exchange.reply(200, b"HTTP/1.1 200 OK\r\n", exchange.head.target)
        return None


class Server:
    def __init__(self) -> None:
        self.clock = Clock()
        self.charged = 0
        self.pages = Pages(MOST, self.charge)
        self.service = Stored()
        self.listener = Listener(ServerConnection, self.service, ServerLimits(), self.clock, pages=self.pages)
        self.clients: list[Client] = []

    def charge(self, size: int) -> None:
        self.charged += size

    async def client(self) -> Client:
        self.clients.append(await Client.connect(self.listener.addresses[0]))
        return self.clients[-1]

    async def ask(self, *names: str) -> None:
        """One after the other; each body must arrive as it is."""
        client = await self.client()
        for name in names:
            client.send(GET % name.encode())
            assert (await client.read()).body == BODIES[name]


SENDERS = {"pure": send_file_purely, "as-built": send_file}


@pytest_asyncio.fixture(params=SENDERS)
async def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(pages, "send_file", SENDERS[request.param])
    running = Server()
    await running.listener.listen((("127.0.0.1", 0),))
    yield running
    for client in running.clients:
        await client.close()
    running.listener.close()
    await until(lambda: running.listener.connections == 0)
    running.pages.close()
    assert running.charged == 0


def spy_on_files(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that the socket took of each head and file."""
    sent: list[int] = []
    real = pages.send_file

    def counting(to: int, head: bytes, descriptor: int, size: int) -> int:
        sent.append(real(to, head, descriptor, size))
        return sent[-1]

    monkeypatch.setattr(pages, "send_file", counting)
    return sent


async def test_from_its_second_request_a_large_body_leaves_from_a_file(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = spy_on_files(monkeypatch)
    await server.ask("a", "c")
    assert (len(server.pages), sent) == (0, [])
    await server.ask("a", "c", "a", "c")
    assert len(server.pages) == 2
    assert len(sent) == 4
    assert all(sent)
    assert server.charged == server.pages.cost == 2 * (SIZE + LEAST)


async def test_small_bodies_are_not_kept(server: Server) -> None:
    await server.ask("small", "small", "small")
    assert len(server.pages) == 0


async def test_pipelined_answers_keep_their_order(server: Server) -> None:
    await server.ask("a", "a", "b", "b", "c", "c")
    client = await server.client()
    names = ["small", "a", "now", "c", "a", "a", "other", "small", "b", "c", "small"] * 3
    client.send(b"".join(GET % name.encode() for name in names))
    for name in names:
        assert (await client.read()).body == BODIES.get(name, b"/" + name.encode())


async def test_what_a_slow_client_does_not_take_is_queued_and_arrives(server: Server) -> None:
    await server.ask("a", "a")
    client = await server.client()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    client.send(GET % b"a" * 30 + GET % b"small")
    connection = next(one for one in server.listener._connections if one._client is None)
    await until(lambda: connection._channel is not None and connection._channel.stalled_since is not None)
    assert connection._channel is not None
    assert connection._channel.transport.get_write_buffer_size() <= WRITE_BUFFER + SIZE + 1000
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(30):
        assert (await client.read()).body == BODIES["a"]
    assert (await client.read()).body == b"small"


async def test_a_client_that_leaves_amid_a_body_hurts_nobody(server: Server) -> None:
    await server.ask("a", "a")
    for _ in range(3):
        client = await server.client()
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        client.send(GET % b"a" * 30)
        before = server.service.tally.count
        await until(lambda before=before: server.service.tally.count > before)
        client.writer.transport.abort()
    await until(lambda: server.listener.connections == 1)
    await server.ask("a", "small")


async def test_what_is_in_use_does_not_give_way_and_what_is_not_does(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = spy_on_files(monkeypatch)
    await server.ask("a", "c", "b", "a", "c", "b", "b", "b")
    assert len(sent) == 2
    assert server.charged == 2 * (SIZE + LEAST)
    server.clock.pass_time(QUIET)
    await server.ask("c", "b", "b")
    assert len(sent) == 5
    await server.ask("a", "a")
    assert len(sent) == 5
    assert server.charged == 2 * (SIZE + LEAST)


async def test_a_port_with_tls_sends_no_file(server: Server, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    listener = Listener(
        ServerConnection,
        server.service,
        ServerLimits(),
        server.clock,
        entry=Entry(certificates=certificates),
        pages=server.pages,
    )
    assert listener.pages is None


async def test_descriptors_are_bounded_and_given_back() -> None:
    many = Pages(1 << 40, lambda _: None)
    before = len(os.listdir("/proc/self/fd"))
    bodies = [bytes(LEAST) + b"%d" % number for number in range(MOST_FILES + 5)]
    for body in bodies:
        many._find(body, 0.0)
        many._find(body, 0.0)
    assert len(many) == MOST_FILES
    assert len(os.listdir("/proc/self/fd")) == before + MOST_FILES
    many.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_without_files_in_memory_bodies_are_written(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> int:
        raise PermissionError(name)

    monkeypatch.setattr(os, "memfd_create", refused)
    await server.ask("a", "a", "a")
    assert len(server.pages) == 0


@pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS)
def test_a_sender_takes_what_there_is_room_for_and_says_how_much(
    send: Callable[[int, bytes, int, int], int], tmp_path: Path
) -> None:
    body = random.Random(5).randbytes(8 * SIZE)
    (tmp_path / "body").write_bytes(body)
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "body").open("rb") as file:
        ours.setblocking(False)
        sent = send(ours.fileno(), b"head", file.fileno(), len(body))
        assert 4 < sent < len(body)
        assert send(ours.fileno(), b"head", file.fileno(), len(body)) < 4 + len(body) - sent
        assert theirs.recv(sent, socket.MSG_WAITALL) == (b"head" + body)[:sent]
        theirs.close()
        assert send(ours.fileno(), b"head", file.fileno(), len(body)) == 0
