"""A pushed verdict on an origin, in real processes: who is asked, what figures say, and that measuring goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from shield_proxy.config.contract import LATENCY_PATH
from shield_proxy.config.reports import read_latency_report
from shield_proxy.config.state import FleetState, Origin

NewOrigin = Callable[[str], Awaitable[tuple[int, list[str]]]]
LOWERS, UPPER = ("127.0.0.21", "127.0.0.22"), "127.0.0.31"


def judged(state: FleetState, other: int, *, unhealthy: bool) -> FleetState:
    """The state with a second origin that stands in for the first."""
    (zone,) = state.zones
    web = replace(zone.origins[0], unhealthy=unhealthy, fallbacks=("other",))
    zone = replace(zone, origins=(web, Origin("other", "127.0.0.1", other)), uppers={**zone.uppers, "other": ("us/b",)})
    return replace(state, zones=(zone,))


async def figures(fleet: Any, pod: Any) -> list[str]:
    async with fleet.session.get(f"http://{pod.address}:{fleet.health}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return [line for line in lines if line.startswith("shield_origin_unhealthy")]


async def test_a_push_turns_requests_to_the_fallback_and_back(fleet: Any, new_origin: NewOrigin) -> None:
    (first, asked), (second, _) = await new_origin("first"), await new_origin("second")
    pods = [
        fleet.start(address, judged(fleet.state(1, first), second, unhealthy=False)) for address in (LOWERS[0], UPPER)
    ]
    await fleet.ready(*pods)
    assert (await fleet.get(pods[0], "/now"))[1] == "first"
    assert await fleet.push(judged(fleet.state(2, first), second, unhealthy=True), *pods) == [200, 200]
    assert (await fleet.get(pods[0], "/now"))[1] == "second"
    shown = ['shield_origin_unhealthy{zone="shop/shop",origin="web",serving="other"} 1']
    assert [await figures(fleet, pod) for pod in pods] == [shown, shown]
    assert await fleet.push(judged(fleet.state(3, first), second, unhealthy=False), *pods) == [200, 200]
    assert (await fleet.get(pods[0], "/now"))[1] == "first"
    assert await figures(fleet, pods[0]) == []
    assert asked == ["/now", "/now"]


async def test_the_distance_to_an_unhealthy_origin_is_measured_too(fleet: Any, new_origin: NewOrigin) -> None:
    (first, asked), (second, _) = await new_origin("first"), await new_origin("second")
    state = judged(fleet.state(1, first), second, unhealthy=True)
    pods = [fleet.start(address, state) for address in LOWERS]  # each measures what it owns
    await fleet.ready(*pods)
    async with asyncio.timeout(20):
        while set().union(*[await measured(fleet, pod) for pod in pods]) != {"web", "other"}:
            await asyncio.sleep(0.1)
    assert asked == []


async def measured(fleet: Any, pod: Any) -> set[str]:
    report = read_latency_report((await fleet.internally(pod, "GET", LATENCY_PATH))[1])
    return {one.backend for one in report if one.connect_seconds is not None}
