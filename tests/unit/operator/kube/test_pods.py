"""Asking and telling pods over real sockets: only pods of the fleet, and nothing by a process that may not write."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from shield_operator.core.world import FleetKey, Pod
from shield_operator.kube.certificates import Authority, Leaf, issue, new_authority
from shield_operator.kube.leadership import Leadership, LeaseLost
from shield_operator.kube.pods import NoAnswer, PodClient, pod_context
from shield_operator.kube.record import encode
from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity
from shield_proxy.config.reports import Measurement
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA
from shield_proxy.process.internal import InternalPort
from shield_proxy.process.state import StateHolder
from shield_proxy.wire.tls.hops import load_hop_tls

KEY = FleetKey("shop", "default")
POD = Pod("p1", Tier.LOWER, "eu/a", "127.0.0.1", ready=False)
NOW = datetime.datetime.now(datetime.UTC)
MEASURED = Measurement("uid", "main", 0.04, samples=5, age_seconds=1.0)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority(NOW)


def files(leaf: Leaf, folder: Path) -> Path:
    for name, content in (("tls.crt", leaf.certificate), ("tls.key", leaf.key), ("ca.crt", leaf.bundle)):
        (folder / name).write_bytes(content)
    return folder


def state(generation: int, lease: int = 1) -> FleetState:
    return FleetState("shop", "default", generation, lease)


@asynccontextmanager
async def a_pod(leaf: Leaf, folder: Path) -> AsyncIterator[tuple[StateHolder, int]]:
    """The internal port of a proxy process."""
    holder = StateHolder("shop", "default", lambda _: None, ready_at=0.0)
    port = InternalPort("shop", "default", holder, lambda: True, lambda: False, lambda: [MEASURED])
    runner = web.AppRunner(port.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=load_hop_tls(files(leaf, folder)).server)
        await site.start()
        yield holder, runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(port: int, check: Callable[[], None] = lambda: None) -> AsyncIterator[PodClient]:
    client = PodClient(check, port)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.sleep(0.1)  # The far ends, also of handshakes that failed, close in the next laps of the loop.


def operator(authority: Authority) -> ssl.SSLContext:
    return pod_context(issue(authority, OPERATOR_URI, NOW), KEY)


async def test_a_record_is_pushed_acknowledged_and_given_back(authority: Authority, tmp_path: Path) -> None:
    leaf = issue(authority, PodIdentity("shop", "default", "lower").uri, NOW)
    held = encode(state(generation=5), SCHEMA)
    async with a_pod(leaf, tmp_path) as (holder, port), asking(port) as client:
        context = operator(authority)
        said = await client.push(POD, context, held.content)
        assert (said.generation, said.lease, said.confirmed) == (5, 1, True)
        assert holder.record == held.content == await client.state(POD, context)
        report = await client.report(POD, context)
        assert (report.acknowledgement, report.measurements) == (said, (MEASURED,))


async def test_an_older_record_is_answered_with_what_the_pod_holds(authority: Authority, tmp_path: Path) -> None:
    leaf = issue(authority, PodIdentity("shop", "default", "lower").uri, NOW)
    async with a_pod(leaf, tmp_path) as (_, port), asking(port) as client:
        context = operator(authority)
        await client.push(POD, context, encode(state(generation=5, lease=2), SCHEMA).content)
        said = await client.push(POD, context, encode(state(generation=9, lease=1), SCHEMA).content)
        assert (said.lease, said.generation) == (2, 5)


async def test_a_pod_without_a_record_gives_none(authority: Authority, tmp_path: Path) -> None:
    leaf = issue(authority, PodIdentity("shop", "default", "lower").uri, NOW)
    async with a_pod(leaf, tmp_path) as (_, port), asking(port) as client:
        with pytest.raises(NoAnswer, match="404"):
            await client.state(POD, operator(authority))


@pytest.mark.parametrize(
    "uri",
    [
        PodIdentity("shop", "other", "lower").uri,
        PodIdentity("other", "default", "lower").uri,
        OPERATOR_URI,
        "spiffe://elsewhere/ns/shop/fleet/default/tier/lower",
    ],
)
async def test_a_peer_that_is_no_pod_of_the_fleet_is_told_nothing(
    authority: Authority, tmp_path: Path, uri: str
) -> None:
    async with a_pod(issue(authority, uri, NOW), tmp_path) as (holder, port), asking(port) as client:
        with pytest.raises(NoAnswer, match="Certificate"):
            await client.push(POD, operator(authority), encode(state(generation=1), SCHEMA).content)
        assert holder.record is None


async def test_a_pod_of_another_ca_is_no_pod(authority: Authority, tmp_path: Path) -> None:
    leaf = issue(new_authority(NOW), PodIdentity("shop", "default", "lower").uri, NOW)
    async with a_pod(leaf, tmp_path) as (_, port), asking(port) as client:
        with pytest.raises(NoAnswer, match="Certificate"):
            await client.report(POD, operator(authority))


async def test_who_lost_the_lease_asks_but_pushes_nothing(authority: Authority, tmp_path: Path) -> None:
    leaf = issue(authority, PodIdentity("shop", "default", "lower").uri, NOW)
    async with a_pod(leaf, tmp_path) as (holder, port), asking(port, Leadership().check) as client:
        context = operator(authority)
        assert (await client.report(POD, context)).acknowledgement.generation == 0
        with pytest.raises(LeaseLost):
            await client.push(POD, context, encode(state(generation=1), SCHEMA).content)
        assert holder.record is None


async def test_a_pod_that_accepts_and_says_nothing_is_given_up(authority: Authority) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, asking(server.sockets[0].getsockname()[1]) as client:
        with pytest.raises(NoAnswer):
            await client.report(POD, operator(authority))


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"schema": 1}', b"\xff", b" " * (2 << 20)])
async def test_a_false_pod_with_the_certificate_of_the_fleet_is_only_not_heard(
    body: bytes, authority: Authority, tmp_path: Path
) -> None:
    leaf = issue(authority, PodIdentity("shop", "default", "lower").uri, NOW)
    async with answering(lambda _: web.Response(body=body), leaf, tmp_path) as port, asking(port) as client:
        with pytest.raises(NoAnswer):
            await client.report(POD, operator(authority))


async def test_a_false_pod_sends_the_operator_nowhere(authority: Authority, tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    leaf = issue(authority, PodIdentity("shop", "default", "lower").uri, NOW)
    async with answering(answer, leaf, tmp_path) as port, asking(port) as client:
        with pytest.raises(NoAnswer):
            await client.push(POD, operator(authority), encode(state(1), SCHEMA).content)
    assert asked == ["/internal/state"]


@asynccontextmanager
async def answering(answer: Callable[[web.Request], web.Response], leaf: Leaf, folder: Path) -> AsyncIterator[int]:
    """Somebody with the certificate of a pod who answers as he likes."""

    async def any_request(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application(client_max_size=8 << 20)
    app.router.add_route("*", "/{path:.*}", any_request)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=load_hop_tls(files(leaf, folder)).server)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
