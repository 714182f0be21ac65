"""Probes at their slots: each check's own one after another, others not held up, all missed ones counted."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from givenchecks import GOOD, assigned

from shield_proxy.config.checks.check import Check
from shield_proxy.config.checks.health import Health
from shield_proxy.health.counters import Counters
from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.due import PATIENCE
from shield_proxy.health.running.figures import Figures, Missed
from shield_proxy.health.running.lease import Remembered
from shield_proxy.health.running.rota import Rota
from shield_proxy.health.running.standing import Entry
from shield_proxy.health.sample import Sample

UIDS = [f"{i:08x}-0000-0000-0000-000000000000" for i in range(9)]


class Clock:
    """A wall clock that is set by the test, and goes."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Place:
    """A rota among checks whose probes take as long as the test says."""

    def __init__(self) -> None:
        self.clock, self.figures = Clock(), Figures()
        self.seconds: dict[str, float] = {}
        self.running: dict[str, int] = {}
        self.begun: list[tuple[str, float]] = []
        self.samples: list[str] = []
        self.rota = Rota(self.probe, lambda check, _: self.samples.append(check.name), self.figures, self.clock)

    async def probe(self, check: Check, within: float) -> Sample:
        assert within == check.interval
        self.begun.append((check.name, self.clock()))
        self.running[check.name] = self.running.get(check.name, 0) + 1
        assert self.running[check.name] == 1, "never over itself"
        try:
            await asyncio.sleep(self.seconds.get(check.name, 0))
            if check.name == "faulty":
                raise ZeroDivisionError
            return GOOD
        finally:
            self.running[check.name] -= 1

    def check(self, name: str, number: int, seconds_to_slot: float, interval: int = 5) -> Assigned:
        """A check whose next slot is so far off."""
        made = assigned(name, UIDS[number], interval=interval, timeout=2)
        return replace(made, created=0.0, phase=((self.clock() + seconds_to_slot) / interval) % 1)

    def own(self, *checks: Assigned) -> None:
        """All slots from now on are the rota's, and the checks are not new."""
        self.rota.own(self.clock(), float("inf"))
        self.rota.assign({each.name: each for each in checks})
        self.rota.settle({each.id: Remembered(Counters(Health.HEALTHY, 0, 1), 1) for each in checks})

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.begun) < count:
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    task = asyncio.create_task(made.rota.run())
    yield made
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_probe_begins_at_its_slot(place: Place) -> None:
    at = place.clock() + 0.3
    place.own(place.check("shop", 0, 0.3))
    await place.until(1)
    assert place.begun[0][1] == pytest.approx(at, abs=0.2)
    assert place.begun[0][1] >= at - 0.01


async def test_slots_are_left_alone_while_they_are_nobodys_or_anothers(place: Place) -> None:
    place.rota.assign({"shop": place.check("shop", 0, 0.1)})
    await asyncio.sleep(0.3)
    place.rota.own(place.clock(), place.clock() + 0.1)
    await asyncio.sleep(0.3)
    assert place.begun == []


async def test_a_check_that_comes_from_another_shard_waits_for_its_slot_and_one_that_was_edited_on_the_way_does_not(
    place: Place,
) -> None:
    place.own()
    entry = Entry(Health.HEALTHY, "", "", 1, "2026-01-01T00:00:00Z")
    moved = replace(place.check("moved", 0, 300, interval=600), entry=entry)
    edited = replace(place.check("edited", 1, 300, interval=600), entry=entry, generation=2)
    place.rota.assign({"moved": moved, "edited": edited})
    await place.until(1)
    await asyncio.sleep(0.2)
    assert [name for name, _ in place.begun] == ["edited"]


async def test_a_probe_that_takes_long_holds_up_no_other_check(place: Place) -> None:
    place.seconds["slow"] = 3
    place.own(place.check("slow", 0, 0.1), place.check("quick", 1, 0.2))
    await place.until(2)
    assert [name for name, _ in place.begun] == ["slow", "quick"]


async def test_a_probe_that_outlives_its_interval_costs_its_own_check_a_slot(place: Place) -> None:
    place.seconds["slow"] = 0.5
    place.own(place.check("slow", 0, 0.1))
    await place.until(1)
    place.clock.ahead += 9  # the slot of 5 s is late by 4 when the probe ends, and not yet is that of 10 s
    await place.until(2)
    assert place.figures.missed == {Missed.OVERRUN: 1}
    assert place.begun[1][1] - place.begun[0][1] == pytest.approx(10, abs=0.3)


async def test_slots_that_went_by_while_nothing_ran_are_counted(place: Place) -> None:
    place.own(place.check("shop", 0, 0.5))
    await asyncio.sleep(0.1)
    place.clock.ahead += 18  # of the slots at 0.5, 5.5, 10.5 and 15.5 s the last is late by 2.6
    await asyncio.sleep(1.5)
    assert place.begun == []
    assert place.figures.missed == {Missed.LATE: 4}


async def test_a_clock_that_is_set_back_stops_no_probes(place: Place) -> None:
    place.own(place.check("shop", 0, 0.2))
    await place.until(1)
    place.clock.ahead -= 3600
    place.rota.own(place.clock() - 1, float("inf"))
    await place.until(2)


async def test_a_new_check_does_not_wait_for_a_slot_that_is_far(place: Place) -> None:
    place.own()
    place.rota.assign({"new": replace(place.check("new", 0, 50, 60), created=place.clock())})
    await place.until(1)
    await asyncio.sleep(0.1)
    assert len(place.begun) == 1


async def test_a_new_check_waits_for_a_slot_that_is_near(place: Place) -> None:
    place.own()
    place.rota.assign({"new": replace(place.check("new", 0, PATIENCE - 1, 60), created=place.clock())})
    await asyncio.sleep(0.3)
    assert place.begun == []


async def test_a_changed_check_is_probed_soon_but_not_right_after_another_probe(place: Place) -> None:
    check = place.check("shop", 0, 30, 60)
    place.own(check)
    place.rota.assign({"shop": replace(check, generation=2)})
    await place.until(1)
    place.rota.assign({"shop": replace(check, generation=3)})
    await asyncio.sleep(0.3)
    assert len(place.begun) == 1
    place.clock.ahead += PATIENCE
    await place.until(2)


async def test_no_more_probes_of_a_check_that_is_suspended_or_gone(place: Place) -> None:
    check = place.check("shop", 0, 0.3)
    place.own(check, place.check("gone", 1, 0.3))
    suspended = assigned("shop", UIDS[0], interval=5, timeout=2, suspended=True)
    place.rota.assign({"shop": replace(suspended, phase=check.phase)})
    await asyncio.sleep(0.6)
    assert place.begun == []
    assert place.rota.idle(place.clock())


async def test_a_check_that_cannot_be_read_has_samples_but_no_probes(place: Place) -> None:
    check = replace(place.check("odd", 0, 0.1, 60), check=None, problem="spec.port: is odd")
    place.own(check)
    async with asyncio.timeout(5):
        while not place.samples:
            await asyncio.sleep(0.01)
    assert place.begun == []
    assert place.figures.probes == {("odd", "Monitor Configuration Error"): 1}


async def test_a_fault_of_the_prober_is_counted_and_accuses_no_origin(place: Place) -> None:
    place.own(place.check("faulty", 0, 0.1), place.check("shop", 1, 0.2))
    await place.until(2)
    async with asyncio.timeout(5):
        while not place.samples:
            await asyncio.sleep(0.01)
    assert place.samples == ["shop"]
    assert place.figures.faults == 1


async def test_it_is_idle_when_all_its_slots_are_probed_to_the_end(place: Place) -> None:
    place.seconds["shop"] = 0.3
    place.own(place.check("shop", 0, 0.1))
    place.rota.own(place.clock(), place.clock() + 0.2)
    await place.until(1)
    assert not place.rota.idle(place.clock())
    await asyncio.sleep(1.5)
    assert place.rota.idle(place.clock())
    assert len(place.begun) == 1


async def test_slots_of_a_gap_between_runs_are_counted_for_checks_that_were_there(place: Place) -> None:
    now = place.clock()
    place.own(place.check("old", 0, 2.5), replace(place.check("new", 1, 2.5), created=now))
    place.rota.gap(now - 20, now)
    assert place.figures.missed[Missed.GAP] == 4
