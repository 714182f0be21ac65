"""Alive means: deadlines are looked at, and the ports take connections, not only the kernel."""

import asyncio
import resource
import socket

import pytest

from shield_proxy.process import life
from shield_proxy.process.descriptors import FEWEST, fitting_connections, raise_file_limit
from shield_proxy.process.life import DEAF, UNSEEN, takes_connections, why_not_alive

PORT = ("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("looked", "heard", "complaint"),
    [
        (1000, {PORT: 1000.0}, None),
        (1000 - UNSEEN, {PORT: 1000 - DEAF}, None),
        (999 - UNSEEN, {PORT: 1000.0}, "deadlines"),
        (1000, {PORT: 1000.0, ("::1", 8444): 999 - DEAF}, "::1:8444"),
        (1000, {}, None),
    ],
)
def test_what_has_not_been_seen_for_long_is_named(
    looked: float, heard: dict[tuple[str, int], float], complaint: str | None
) -> None:
    found = why_not_alive(1000, looked, heard)
    assert (found is None) == (complaint is None)
    assert (complaint or "") in (found or "")


async def test_a_port_takes_connections_if_somebody_closes_what_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "PATIENCE", 0.3)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "0.0.0.0", 0)
    async with server:
        assert await takes_connections(("0.0.0.0", server.sockets[0].getsockname()[1]))
    with socket.socket() as kernel_alone:
        kernel_alone.bind(("127.0.0.1", 0))
        kernel_alone.listen()
        assert not await takes_connections(kernel_alone.getsockname())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = closed.getsockname()
    assert not await takes_connections(address)


def test_descriptors_are_raised_to_what_is_granted_and_bound_the_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
        granted = raise_file_limit()
        assert granted == resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(soft, 1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert fitting_connections(20_000, 1 << 20, clients=True) == (20_000, 20_000)
    assert fitting_connections(20_000, 20_000, clients=True) == (13_692, 1_956)
    assert fitting_connections(20_000, 20_000, clients=False) == (15_648, 15_648)
    assert fitting_connections(20_000, 1024, clients=True) == (448, 64)
    assert fitting_connections(20_000, 64, clients=True) == (FEWEST, FEWEST)
