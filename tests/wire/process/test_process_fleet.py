"""Two lowers and an upper as processes of their own, with mutual TLS between them."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shield_proxy.config.contract import LATENCY_PATH, STATUS_PATH
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity
from shield_proxy.config.reports import read_latency_report
from shield_proxy.wire.tls.hops import load_hop_tls

NewOrigin = Callable[[str], Awaitable[tuple[int, list[str]]]]
LOWER_1, LOWER_2, UPPER = "127.0.0.21", "127.0.0.22", "127.0.0.31"


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)


async def test_a_request_travels_down_once_and_is_answered_from_then_on(fleet: Any, new_origin: NewOrigin) -> None:
    port, seen = await new_origin("first")
    pods = [fleet.start(address, fleet.state(1, port)) for address in (LOWER_1, LOWER_2, UPPER)]
    await fleet.ready(*pods)
    assert await fleet.get(pods[0], "/a") == (200, "first", "MISS")
    assert await fleet.get(pods[0], "/a") == (200, "first", "HIT")
    assert (await fleet.get(pods[1], "/a"))[:2] == (200, "first")
    assert await fleet.get(pods[1], "/a") == (200, "first", "HIT")
    assert seen == ["/a"]


async def test_a_pushed_state_changes_the_way_and_an_older_one_does_not(fleet: Any, new_origin: NewOrigin) -> None:
    first, second = [(await new_origin(name))[0] for name in ("first", "second")]
    pods = [fleet.start(address, fleet.state(1, first)) for address in (LOWER_1, UPPER)]
    await fleet.ready(*pods)
    assert (await fleet.get(pods[0], "/now"))[1] == "first"
    assert await fleet.push(fleet.state(2, second), *pods) == [200, 200]
    assert (await fleet.get(pods[0], "/now"))[1] == "second"
    assert await fleet.push(fleet.state(1, first), *pods) == [409, 409]
    assert (await fleet.get(pods[0], "/now"))[1] == "second"


async def test_a_pod_waits_for_a_confirmation_and_a_ready_peer_gives_it(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("first")
    lonely = fleet.start(LOWER_1, fleet.state(1, port), confirmSeconds=600)
    await until(lambda: says(fleet, lonely, "not confirmed"))
    await fleet.push(fleet.state(2, port), lonely)
    await fleet.ready(lonely)
    newcomer = fleet.start(LOWER_2, fleet.state(1, port), confirmSeconds=600)
    await fleet.ready(newcomer)
    _, status = await fleet.internally(newcomer, "GET", STATUS_PATH)
    assert (status["generation"], status["confirmed"]) == (2, True)


async def more_than(count: int, found: list[int]) -> bool:
    return len(found) > count


async def says(fleet: Any, pod: Any, text: str) -> bool:
    return text in (await fleet.readiness(pod))[1]


async def test_a_pod_without_a_state_is_not_ready_until_one_is_pushed(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("first")
    pod = fleet.start(LOWER_1, None)
    await until(lambda: says(fleet, pod, "no zone state yet"))
    assert (await fleet.get(pod, "/a"))[0] == 503
    await fleet.push(fleet.state(1, port), pod)
    await fleet.ready(pod)


async def test_one_lower_of_a_data_centre_measures_a_backend(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("first")
    pods = [fleet.start(address, fleet.state(1, port)) for address in (LOWER_1, LOWER_2, UPPER)]
    await fleet.ready(*pods)

    async def measured() -> bool:
        reports = [read_latency_report((await fleet.internally(pod, "GET", LATENCY_PATH))[1]) for pod in pods]
        tried = [m for report in reports for m in report if m.connect_seconds is not None and m.samples >= 3]
        return [(m.zone, m.backend) for m in tried] == [("uid-1", "web")]

    await until(measured)


async def test_a_pod_that_ends_loses_no_request(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("first")
    lowers = [fleet.start(address, fleet.state(1, port)) for address in (LOWER_1, LOWER_2)]
    upper = fleet.start(UPPER, fleet.state(1, port))
    await fleet.ready(*lowers, upper)
    endpoints = list(lowers)
    statuses: list[int] = []
    done = asyncio.Event()

    async def clients() -> None:
        """As behind a Service: any endpoint, one connection each."""
        while not done.is_set():
            for pod in list(endpoints):
                statuses.append((await fleet.get(pod, f"/now/{len(statuses)}"))[0])
            await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(clients())
        slow = group.create_task(fleet.get(lowers[0], "/slow"))
        await asyncio.sleep(0.3)
        lowers[0].process.send_signal(signal.SIGTERM)
        await until(lambda: says(fleet, lowers[0], "draining"))
        endpoints.remove(lowers[0])
        assert await lowers[0].ended() == 0, lowers[0].log.read_text()
        await until(lambda: more_than(50, statuses))
        done.set()
    assert slow.result()[0] == 200
    assert set(statuses) == {200}


async def test_clients_that_keep_connections_are_told_to_leave_and_lose_no_request(
    fleet: Any, new_origin: NewOrigin
) -> None:
    port, _ = await new_origin("first")
    pods = [fleet.start(address, fleet.state(1, port), drainDelaySeconds=2) for address in (LOWER_1, UPPER)]
    await fleet.ready(*pods)
    told: list[bool] = []

    async def client(number: int) -> None:
        """Never idle for long; ends with the connection on which it is told to leave."""
        reader, writer = await asyncio.open_connection(LOWER_1, fleet.client)
        while not told[number]:
            writer.write(b"GET /kept HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200")
            assert await reader.readexactly(len("first")) == b"first"
            told[number] = b"connection: close" in head
            await asyncio.sleep(0.02)
        writer.close()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for number in range(20):
            told.append(False)
            group.create_task(client(number))
        await asyncio.sleep(0.3)
        assert told == [False] * 20
        pods[0].process.send_signal(signal.SIGTERM)
    assert await pods[0].ended() == 0, pods[0].log.read_text()


async def test_an_upper_that_drains_still_answers_its_lowers(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("first")
    pods = [fleet.start(address, fleet.state(1, port)) for address in (LOWER_1, UPPER)]
    await fleet.ready(*pods)
    pods[1].process.send_signal(signal.SIGTERM)
    slow = asyncio.create_task(fleet.get(pods[0], "/slow"))
    assert (await slow)[0] == 200
    assert await pods[1].ended() == 0, pods[1].log.read_text()


async def test_certificates_are_renewed_without_a_restart(
    fleet: Any, new_origin: NewOrigin, new_authority: Callable[[], Callable[..., Path]]
) -> None:
    port, _ = await new_origin("first")
    pod = fleet.start(LOWER_1, fleet.state(1, port))
    await fleet.ready(pod)
    assert (await fleet.internally(pod, "GET", STATUS_PATH))[0] == 200
    later = new_authority()
    later(PodIdentity("shop", "default", "lower").uri, into=pod.tls)
    pod.process.send_signal(signal.SIGHUP)
    former, fleet.operator = fleet.operator, load_hop_tls(later(OPERATOR_URI))

    async def accepted() -> bool:
        try:
            return bool((await fleet.internally(pod, "GET", STATUS_PATH))[0] == 200)
        except aiohttp.ClientError:
            return False

    await until(accepted)
    fleet.operator = former
    with pytest.raises(aiohttp.ClientError):
        await fleet.internally(pod, "GET", STATUS_PATH)


async def test_a_pod_of_another_fleet_cannot_use_the_hop_port(fleet: Any, new_origin: NewOrigin) -> None:
    port, seen = await new_origin("first")
    pod = fleet.start(UPPER, fleet.state(1, port))
    await fleet.ready(pod)
    for uri in (PodIdentity("shop", "other", "lower").uri, OPERATOR_URI):
        context = load_hop_tls(fleet.issue(uri)).client
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
                session.get(f"https://{UPPER}:{fleet.hop}/a", headers={"Host": "shop.example"}) as answer,
            ):
                assert answer.status == 403
        except aiohttp.ClientError:
            pass  # closed without an answer is as good
    assert seen == []
