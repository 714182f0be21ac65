"""Measuring TCP connect time to the backends this pod is elected for. What the samples mean: `samples`."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from shield_proxy.config.reports import Measurement
from shield_proxy.process.samples import Endpoint, Sample, added, pause, report

CONCURRENT = 16
RESOLVING = 4
TIMEOUT_SECONDS = 3.0
TICK_SECONDS = 0.1
TARGETS_SECONDS = 2.0
"""How often targets are asked for: they change with the state and with the ring's members."""

Targets = Callable[[], dict[Endpoint, tuple[tuple[str, str], ...]]]
Connect = Callable[[str, int], Awaitable[Sample]]
Found = list[tuple[int, tuple[Any, ...]]]
Resolve = Callable[[str, int], Awaitable[Found]]
"""Host and port -> family and socket address of each of its addresses, in order of preference. OSError: none."""


@dataclass(slots=True)
class _Course:
    """An endpoint's attempts so far."""

    due: float
    samples: tuple[Sample, ...] = ()
    attempts: int = 0
    running: bool = False


class LatencyMeter:
    """Measures what `targets` names, as long as `run` runs; `report` tells."""

    def __init__(
        self, targets: Targets, connect: Connect, clock: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        """`chance` gives numbers in [0, 1) that keep pods from measuring in step."""
        self._targets = targets
        self._connect = connect
        self._clock = clock
        self._chance = chance
        self._courses: dict[Endpoint, _Course] = {}
        self._known: dict[Endpoint, tuple[tuple[str, str], ...]] = {}
        self._known_until = -1.0
        self._slots = asyncio.Semaphore(CONCURRENT)

    def report(self) -> list[Measurement]:
        """A measurement for each backend this pod measures and has tried."""
        return list(report(self._known, self._window, self._clock()))

    async def run(self) -> None:
        """Measures until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for endpoint, course in self.due():
                    course.running = True
                    group.create_task(self._measure(endpoint, course))
                await asyncio.sleep(TICK_SECONDS)

    def due(self) -> list[tuple[Endpoint, _Course]]:
        """What to measure now; what is no target any more is forgotten."""
        now = self._clock()
        if now >= self._known_until:
            self._known, self._known_until = self._targets(), now + TARGETS_SECONDS
            for endpoint in self._courses.keys() - self._known.keys():
                del self._courses[endpoint]
            for endpoint in self._known:
                self._courses.setdefault(endpoint, _Course(due=now))
        return [(e, course) for e, course in self._courses.items() if course.due <= now and not course.running]

    async def _measure(self, endpoint: Endpoint, course: _Course) -> None:
        try:
            async with self._slots:
                sample = await self._connect(*endpoint)
            course.samples = added(course.samples, sample)
        finally:
            course.attempts += 1
            course.due = self._clock() + pause(course.attempts, self._chance())
            course.running = False

    def _window(self, endpoint: Endpoint) -> tuple[Sample, ...]:
        course = self._courses.get(endpoint)
        return course.samples if course else ()


def threaded_resolution() -> Resolve:
    """Looks names up in threads of its own: a dead name of one zone must not hold up the lookups of traffic, for which
    the loop has four threads."""
    pool = ThreadPoolExecutor(RESOLVING, thread_name_prefix="latency-names")

    async def resolve(host: str, port: int) -> Found:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        return [
            (family, address) for family, *_, address in await asyncio.get_running_loop().run_in_executor(pool, look_up)
        ]

    return resolve


async def connect_once(resolve: Resolve, host: str, port: int, clock: Callable[[], float] = time.monotonic) -> Sample:
    """One attempt, timed without the resolution of the name, by the address family that connects first."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            found = await resolve(host, port)
    except (OSError, TimeoutError, UnicodeError):
        return Sample(clock(), None, "unresolved")
    first = dict(reversed(found))
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(_connect(family, address, clock)) for family, address in first.items()]
        for finished in asyncio.as_completed(tries):
            sample = await finished
            if sample.seconds is not None:
                for other in tries:
                    other.cancel()
                return sample
    return sample


async def _connect(family: int, address: tuple[Any, ...], clock: Callable[[], float]) -> Sample:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        start = clock()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await asyncio.get_running_loop().sock_connect(connection, address)
        except TimeoutError:
            return Sample(clock(), None, "timeout")
        except ConnectionRefusedError:
            return Sample(clock(), None, "refused")
        except OSError:
            return Sample(clock(), None, "unreachable")
        now = clock()
        return Sample(now, now - start)
