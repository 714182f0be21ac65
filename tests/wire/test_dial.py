"""Which address of an upstream is connected to, over real sockets."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from shield_proxy.wire.upstream.dial import ATTEMPT_DELAY, dial, is_connected
from shield_proxy.wire.upstream.failures import UpstreamFailed

REFUSING = "127.0.0.3"


class Listening:
    """The same port on several loopback addresses, as far as the test wants; it counts connections by address."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[str] = []
        self.servers: list[asyncio.Server] = []
        self.full: list[socket.socket] = []

    async def on(self, address: str) -> None:
        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.seen.append(address)
            await _.read()
            writer.close()

        server = await asyncio.start_server(accept, address, self.port)
        self.port = server.sockets[0].getsockname()[1]
        self.servers.append(server)

    def swallowing_on(self, address: str) -> None:
        """A listener whose backlog is full: the kernel answers no further SYN."""
        listener = socket.create_server((address, self.port), backlog=0)
        self.port = listener.getsockname()[1]
        self.full.append(listener)
        for _ in range(8):
            sock = socket.socket()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect((address, self.port))
            self.full.append(sock)

    def close(self) -> None:
        for server in self.servers:
            server.close()
        for sock in self.full:
            sock.close()


@pytest_asyncio.fixture
async def listening() -> AsyncIterator[Listening]:
    made = Listening()
    yield made
    made.close()
    await asyncio.sleep(0)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_the_first_address_that_answers_wins(listening: Listening) -> None:
    await listening.on("127.0.0.1")
    await listening.on("127.0.0.2")
    sock, address = await dial(["127.0.0.1", "127.0.0.2"], listening.port, 5)
    sock.close()
    assert address == "127.0.0.1"
    await asyncio.sleep(ATTEMPT_DELAY)
    assert listening.seen == ["127.0.0.1"]


async def test_refusing_addresses_cost_no_wait(listening: Listening) -> None:
    await listening.on("127.0.0.2")
    refusing = [f"127.0.0.{i}" for i in range(10, 16)]
    started = time.monotonic()
    sock, address = await dial([*refusing, "127.0.0.2"], listening.port, 5)
    sock.close()
    assert address == "127.0.0.2"
    assert time.monotonic() - started < len(refusing) * ATTEMPT_DELAY


async def test_a_silent_address_costs_a_quarter_of_a_second(listening: Listening) -> None:
    listening.swallowing_on("127.0.0.4")
    await listening.on("127.0.0.2")
    started = time.monotonic()
    sock, address = await dial(["127.0.0.4", "127.0.0.2"], listening.port, 5)
    sock.close()
    assert address == "127.0.0.2"
    assert ATTEMPT_DELAY <= time.monotonic() - started < 3


async def test_a_silent_address_alone_ends_in_time(listening: Listening) -> None:
    listening.swallowing_on("127.0.0.4")
    with pytest.raises(UpstreamFailed) as failed:
        await dial(["127.0.0.4"], listening.port, 0.3)
    assert failed.value.kind == "connect-timeout"


async def test_who_refuses_is_told_before_who_is_silent(listening: Listening) -> None:
    listening.swallowing_on("127.0.0.4")
    for addresses in (["127.0.0.4", REFUSING], [REFUSING, "127.0.0.4"]):
        with pytest.raises(UpstreamFailed) as failed:
            await dial(addresses, listening.port, 0.6)
        assert failed.value.kind == "refused"


async def test_no_address_is_an_unresolved_name() -> None:
    with pytest.raises(UpstreamFailed) as failed:
        await dial([], 80, 1)
    assert failed.value.kind == "unresolved"


async def test_the_other_family_is_used_where_one_is_refused(listening: Listening) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    await listening.on("127.0.0.1")
    sock, address = await dial(["::1", "127.0.0.1"], listening.port, 5)
    sock.close()
    assert address == "127.0.0.1"


async def test_ipv6_is_connected_to(listening: Listening) -> None:
    try:
        await listening.on("::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    sock, address = await dial(["::1"], listening.port, 5)
    assert (address, sock.family) == ("::1", socket.AF_INET6)
    sock.close()


async def test_connections_leave_from_the_egress_address_by_its_family_alone(listening: Listening) -> None:
    await listening.on("127.0.0.1")
    sock, _ = await dial(["::1", "127.0.0.1"], listening.port, 5, source="127.0.0.9")
    assert sock.getsockname()[0] == "127.0.0.9"
    sock.close()


async def test_a_race_that_is_given_up_leaves_no_socket_behind(listening: Listening) -> None:
    for address in ("127.0.0.4", "127.0.0.5", "127.0.0.6"):
        listening.swallowing_on(address)
    before = open_descriptors()
    task = asyncio.create_task(dial(["127.0.0.4", "127.0.0.5", "127.0.0.6"], listening.port, 30))
    await asyncio.sleep(2.5 * ATTEMPT_DELAY)
    assert open_descriptors() > before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_connection_that_a_busy_loop_missed_is_seen(listening: Listening, closed_port: int) -> None:
    await listening.on("127.0.0.1")
    for port, connected in ((listening.port, True), (closed_port, False)):
        with socket.socket() as sock:
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                sock.connect(("127.0.0.1", port))
            await asyncio.sleep(0.05)
            assert is_connected(sock) is connected


def test_the_race_is_the_same_on_uvloop() -> None:
    async def main() -> None:
        listening = Listening()
        try:
            listening.swallowing_on("127.0.0.4")
            await listening.on("127.0.0.2")
            sock, address = await dial(["127.0.0.4", REFUSING, "127.0.0.2"], listening.port, 5)
            sock.close()
            assert address == "127.0.0.2"
            with pytest.raises(UpstreamFailed) as failed:
                await dial(["127.0.0.4"], listening.port, 0.2)
            assert failed.value.kind == "connect-timeout"
            with pytest.raises(UpstreamFailed) as failed:
                await dial([REFUSING], listening.port, 5)
            assert failed.value.kind == "refused"
        finally:
            listening.close()
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
