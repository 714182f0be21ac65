"""A new pod asks its peers: real TLS servers on loopback addresses."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity
from shield_proxy.config.record import write_record
from shield_proxy.config.state import DataCenter, FleetState
from shield_proxy.config.version import SCHEMA
from shield_proxy.process.internal import InternalPort
from shield_proxy.process.peers import confirm_with_peers, fetch_record, host_of, resolve_host
from shield_proxy.process.state import StateHolder
from shield_proxy.wire.tls.hops import HopTls, load_hop_tls

Issue = Callable[..., Path]
FLEET = ("shop", "default")
POD = PodIdentity("shop", "default", "upper").uri
PEERS = "127.0.0.11, 127.0.0.12:8444, 127.0.0.13"


def record(generation: int) -> bytes:
    services = {Tier.LOWER: "127.0.0.10", Tier.UPPER: PEERS}
    state = FleetState("shop", "default", generation, 1, (DataCenter("eu", "a", services),))
    return write_record(state, SCHEMA)


def new_holder(generation: int | None) -> StateHolder:
    holder = StateHolder("shop", "default", lambda _state: None, ready_at=1e9)
    if generation is not None:
        holder.offer(record(generation), "mount", confirms=False)
    return holder


class Peers:
    """Internal ports of other pods, all on one port number."""

    def __init__(self, issue: Issue) -> None:
        self.issue = issue
        self.port = 0
        self.runners: list[web.AppRunner] = []

    async def start(self, address: str, generation: int, ready: bool, uri: str = POD) -> None:
        holder = new_holder(generation)
        internal = InternalPort("shop", "default", holder, lambda: ready, lambda: False, list)
        runner = web.AppRunner(internal.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self.runners.append(runner)
        await web.TCPSite(runner, address, self.port, ssl_context=load_hop_tls(self.issue(uri)).server).start()
        self.port = runner.addresses[0][1]

    async def confirm(self, holder: StateHolder, tls: HopTls, seconds: float = 5) -> None:
        """Asks rounds of peers until one confirms; TimeoutError when none has."""

        def ask(address: str) -> asyncio.Future[tuple[bytes, bool]]:
            return asyncio.ensure_future(fetch_record(address, self.port, tls, FLEET))

        async with asyncio.timeout(seconds):
            await confirm_with_peers(holder, ask, "eu/a", "127.0.0.10", resolve_host, pause=0.01)


@asynccontextmanager
async def peers(issue: Issue) -> AsyncIterator[Peers]:
    running = Peers(issue)
    try:
        yield running
    finally:
        for runner in running.runners:
            await runner.cleanup()


async def test_the_highest_record_of_the_peers_is_used_and_a_ready_one_confirms(issue: Issue) -> None:
    async with peers(issue) as running:
        await running.start("127.0.0.11", 6, ready=True)
        await running.start("127.0.0.12", 8, ready=False)
        await running.start("127.0.0.13", 4, ready=True)
        holder = new_holder(5)
        await running.confirm(holder, load_hop_tls(issue(POD)))
        assert (holder.record, holder.confirmed) == (record(8), True)


async def test_a_ready_peer_with_an_older_record_confirms_the_newer_one_held(issue: Issue) -> None:
    async with peers(issue) as running:
        await running.start("127.0.0.11", 4, ready=True)
        holder = new_holder(5)
        await running.confirm(holder, load_hop_tls(issue(POD)))
        assert (holder.record, holder.confirmed) == (record(5), True)


async def test_peers_that_are_not_ready_give_their_record_and_confirm_nothing(issue: Issue) -> None:
    async with peers(issue) as running:
        await running.start("127.0.0.11", 6, ready=False)
        holder = new_holder(5)
        with pytest.raises(TimeoutError):
            await running.confirm(holder, load_hop_tls(issue(POD)), seconds=0.5)
        assert (holder.record, holder.confirmed) == (record(6), False)


@pytest.mark.parametrize("uri", [PodIdentity("shop", "other", "upper").uri, OPERATOR_URI, "spiffe://example.com/x"])
async def test_a_server_that_is_no_pod_of_the_fleet_is_not_believed(issue: Issue, uri: str) -> None:
    async with peers(issue) as running:
        await running.start("127.0.0.11", 6, ready=True, uri=uri)
        with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.11 is"):
            await fetch_record("127.0.0.11", running.port, load_hop_tls(issue(POD)), FLEET)


async def test_a_peer_that_has_no_state_yet_is_an_error_not_a_record(issue: Issue) -> None:
    async with peers(issue) as running:
        holder = StateHolder("shop", "default", lambda _state: None, ready_at=0)
        internal = InternalPort("shop", "default", holder, lambda: True, lambda: False, list)
        runner = web.AppRunner(internal.application(), access_log=None, shutdown_timeout=0.1)
        running.runners.append(runner)
        await runner.setup()
        tls = load_hop_tls(issue(POD))
        await web.TCPSite(runner, "127.0.0.11", 0, ssl_context=tls.server).start()
        with pytest.raises(ConnectionRefusedError, match="404"):
            await fetch_record("127.0.0.11", runner.addresses[0][1], tls, FLEET)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\n\r\n"]
)
async def test_an_answer_that_breaks_off_or_is_not_http_is_an_error(issue: Issue, answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    tls = load_hop_tls(issue(POD))
    async with await asyncio.start_server(speak, "127.0.0.1", 0, ssl=tls.server) as server:
        with pytest.raises(ConnectionResetError):
            await fetch_record("127.0.0.1", server.sockets[0].getsockname()[1], tls, FLEET)


async def test_a_peer_of_another_authority_is_refused(issue: Issue, new_authority: Callable[[], Issue]) -> None:
    async with peers(new_authority()) as running:
        await running.start("127.0.0.11", 6, ready=True)
        with pytest.raises(ssl.SSLCertVerificationError):
            await fetch_record("127.0.0.11", running.port, load_hop_tls(issue(POD)), FLEET)


@pytest.mark.parametrize(
    ("name", "host"),
    [("lower.shop", "lower.shop"), ("lower.shop:8444", "lower.shop"), ("::1", "::1"), ("[::1]:8444", "::1")],
)
def test_the_port_of_a_services_name_is_the_hops(name: str, host: str) -> None:
    assert host_of(name) == host


async def test_a_name_without_addresses_has_no_peers() -> None:
    assert await resolve_host("nowhere.invalid") == []
