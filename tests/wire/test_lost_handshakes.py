"""Peers that leave while a connection to them is being made: it is theirs alone that ends."""

import asyncio
import os
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from shield_proxy.config.identity import PodIdentity
from shield_proxy.wire.tls.hops import HopTls, load_hop_tls
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint, TlsIdentity
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.limits import UpstreamLimits
from shield_proxy.wire.upstream.pool import Pool
from shield_proxy.wire.upstream.resolve import Resolver

UPPER = PodIdentity("shop", "default", "upper")
ASKING, TIMES = 8, 60


@contextmanager
def resetting() -> Iterator[int]:
    """A port on which connections are reset as soon as they are there, or a moment later."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listening:

        def reset() -> None:
            while True:
                try:
                    sock, _ = listening.accept()
                except OSError:
                    return
                time.sleep(random.random() * 0.0003)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()

        thread = threading.Thread(target=reset)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


async def outcomes(pool: Pool, tls: HopTls, port: int, told: Counter[str]) -> None:
    """Connects again and again; a connection must still be there a moment after it was made."""
    for _ in range(TIMES):
        try:
            connection = await pool.connect(
                Endpoint("127.0.0.1", port, TlsIdentity(None, tier="upper")),
                Connecting(10, context=tls.client, most=2 * ASKING),
            )
        except UpstreamFailed as failure:
            told[failure.kind] += 1
        else:
            await asyncio.sleep(0.001)
            told["kept" if connection.usable else "lost"] += 1
            connection.cut()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_peer_that_resets_connections_ends_nobody_elses(loop: str, issue: object) -> None:
    assert callable(issue)
    tls = load_hop_tls(Path(issue(UPPER.uri)))

    async def compare() -> None:
        pool = Pool(UpstreamLimits(), time.monotonic, Resolver(time.monotonic))
        good, bad = Counter[str](), Counter[str]()
        async with await asyncio.start_server(_say_nothing, "127.0.0.1", 0, ssl=tls.server) as server:
            open_before = len(os.listdir("/proc/self/fd"))
            with resetting() as port:
                there: int = server.sockets[0].getsockname()[1]
                async with asyncio.TaskGroup() as group:
                    for _ in range(ASKING):
                        group.create_task(outcomes(pool, tls, there, good))
                        group.create_task(outcomes(pool, tls, port, bad))
            assert good == {"kept": ASKING * TIMES}
            assert bad.keys() <= {"unreachable", "tls"}
            assert bad.total() == ASKING * TIMES
            async with asyncio.timeout(10):
                while len(os.listdir("/proc/self/fd")) > open_before:
                    await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        runner.run(compare())


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()
    except (OSError, ssl.SSLError):
        pass
    writer.transport.abort()
