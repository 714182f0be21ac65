"""Lanes beside each other: what one target does is nothing to the others."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from courier.mailserver import rude_server, saying
from courier.place import Place
from courier.receiver import Receiver, receiving
from courier.samples import alert, notification
from world.fleet import until

from shield_courier.running.figures import Figures
from shield_courier.running.lane import FIRST_AT_ONCE, Lane, Shared
from shield_courier.sending.names import Endpoint
from shield_proxy.config.alerts.alert import Target, Webhook
from shield_proxy.config.alerts.notification import Notification


def target(port: int, name: str) -> Target:
    return Target(name, Webhook(f"http://127.0.0.1:{port}/"))


def now(id_: str) -> Notification:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return notification(id_, time=stamp)


class Lanes:
    """Of one alert with these targets."""

    def __init__(self, place: Place, *targets: Target) -> None:
        self.told: list[dict[str, Any]] = []
        self.figures = Figures()
        self.targets = targets
        self.shared = Shared(place.sender, self.figures, self.told.append)
        self.lanes = [Lane(alert(*targets), each, self.shared, lambda: None) for each in targets]

    def queue(self, *ids: str) -> None:
        for lane in self.lanes:
            lane.update(alert(*self.targets, queue=tuple(now(id_) for id_ in ids)), lane.target)

    def outcomes(self, name: str) -> list[str]:
        return [line["outcome"] for line in self.told if line["target"] == name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(lane.run()) for lane in self.lanes]
            yield
            for task in tasks:
                task.cancel()


async def test_however_many_targets_hang_others_find_a_free_place(place: Place) -> None:
    place.sender = replace(place.sender, post_seconds=1.0)
    receiver = Receiver()
    async with rude_server(saying(b"")) as silent, receiving(receiver, None) as port:
        hanging = [target(silent, f"silent-{i}") for i in range(FIRST_AT_ONCE + 8)]
        lanes = Lanes(place, *hanging, target(port, "good"))
        async with lanes.running():
            lanes.queue("n1")
            await until(lambda: lanes.outcomes("good") == ["delivered"], 10)
            await until(lambda: all(lane.standing.last_error for lane in lanes.lanes[:-1]), 10)
            # From now on those that hang have places of their own, and hold them for longer than is waited here.
            lanes.shared.sender = replace(place.sender, post_seconds=60.0)
            for n in range(2, 5):
                lanes.queue(*(f"n{i + 1}" for i in range(n)))
                await until(lambda n=n: len(receiver.received) == n)  # type: ignore[misc]


async def test_a_fault_of_one_delivery_is_told_without_its_words_and_ends_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async def faulty(host: str, port: int) -> list[Endpoint]:
        raise RuntimeError(f"s3cret {host}")

    place.sender = replace(place.sender, resolve=faulty)
    receiver = Receiver()
    async with receiving(receiver, None) as port:
        lanes = Lanes(place, Target("bad", Webhook("http://s3cret.example/")), target(port, "good"))
        with caplog.at_level(logging.DEBUG):
            async with lanes.running():
                lanes.queue("n1")
                await until(lambda: lanes.outcomes("good") == ["delivered"])
                await until(lambda: len(lanes.outcomes("bad")) >= 2)
    assert lanes.figures.faults >= 2
    errors = {line["error"] for line in lanes.told if line["target"] == "bad"}
    assert errors == {"a fault of the courier: RuntimeError"}
    assert "RuntimeError" in caplog.text
    assert "s3cret" not in caplog.text + repr(lanes.told)


async def test_what_is_a_day_old_is_given_up_without_an_attempt(place: Place) -> None:
    receiver = Receiver()
    async with receiving(receiver, None) as port:
        lanes = Lanes(place, target(port, "good"))
        async with lanes.running():
            old = notification("old", time="2020-01-01T00:00:00Z")
            lanes.lanes[0].update(alert(*lanes.targets, queue=(old, now("new"))), lanes.targets[0])
            await until(lambda: lanes.outcomes("good") == ["given_up", "delivered"])
    assert [got.body["data"]["notification_id"] for got in receiver.received] == ["new"]
    assert lanes.lanes[0].standing.settled == {"old", "new"}


async def test_a_lane_ends_after_what_is_under_way(place: Place) -> None:
    receiver = Receiver()
    async with receiving(receiver, None) as port:
        lanes = Lanes(place, target(port, "good"))
        lane = lanes.lanes[0]
        lanes.queue("n1", "n2")
        task = asyncio.create_task(lane.run())
        await until(lambda: lane.busy_since is not None)
        lane.end()
        async with asyncio.timeout(5):
            await task
    assert lanes.outcomes("good") == ["delivered"]


async def test_who_waited_for_a_place_sends_what_is_wanted_by_then_to_whom_it_is_wanted(place: Place) -> None:
    former, present = Receiver(), Receiver()
    async with receiving(former, None) as old, receiving(present, None) as new:
        lanes = Lanes(place, target(old, "moved"))
        lane, lanes.shared.first = lanes.lanes[0], asyncio.Semaphore(0)
        async with lanes.running():
            lanes.queue("n1")
            await until(lambda: bool(lanes.shared.first._waiters))
            lanes.targets = (target(new, "moved"),)
            lane.update(alert(*lanes.targets, queue=(now("n2"),)), lanes.targets[0])
            for _ in range(2):
                lanes.shared.first.release()
            await until(lambda: lanes.outcomes("moved") == ["delivered"])
    assert not former.received
    assert [got.body["data"]["notification_id"] for got in present.received] == ["n2"]
