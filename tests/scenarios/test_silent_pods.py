"""A pod that says nothing costs a moment, then the next data centre is asked."""

import asyncio
import socket
from contextlib import ExitStack, suppress
from dataclasses import replace

from world.alone import counted
from world.fleet import Fleet, zone
from world.origin import Origin

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import DataCenter


async def test_a_pod_whose_machine_swallows_packets_costs_a_second_then_nothing(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/c")
    with socket.create_server(("127.0.0.99", 0), backlog=0) as hole, ExitStack() as filling:
        for _ in range(8):  # until its backlog is full
            sock = filling.enter_context(socket.socket())
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(hole.getsockname())
        state = fleet.state(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
        gone = DataCenter("us", "b", {Tier.UPPER: f"127.0.0.99:{hole.getsockname()[1]}"})
        for pod in fleet.pods.values():
            pod.use(replace(state, data_centers=(*state.data_centers, gone)))
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await fleet.get("low", "/a")).status == 200
        assert 1.0 <= loop.time() - began < 4
        assert counted(fleet, "shield_upstream_errors_total", "connect-timeout") == 1
        assert (await fleet.get("low", "/b")).status == 200
        assert counted(fleet, "shield_upstream_errors_total", "connect-timeout") == 1


async def test_a_silent_pod_costs_a_moment_then_the_next_data_centre_is_asked(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up-1", Tier.UPPER, "us/b")
    await fleet.add("up-2", Tier.UPPER, "us/c")
    fleet.use(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
    assert (await fleet.get("low", "/a")).status == 200
    await fleet.pods["up-1"].close()
    started = asyncio.get_running_loop().time()
    assert (await fleet.get("low", "/b")).status == 200
    assert asyncio.get_running_loop().time() - started < 5
    assert counted(fleet, "shield_breaker_transitions_total", "pod-open") >= 1
