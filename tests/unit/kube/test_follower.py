"""How long a follower waits between its tries, by what it met in them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from shield_proxy.kube.api import Collection
from shield_proxy.kube.errors import Unreachable
from shield_proxy.kube.follow import Follower

LEAST, MOST = 0.01, 0.08
LONG = MOST + 0.02
"""Seconds that a watch has lasted after which the next begins at once."""


@dataclass(slots=True)
class HangingServer:
    """An API whose lists or watches end after long without an answer; the seconds between its tries."""

    lists: bool
    pauses: list[float] = field(default_factory=list)
    _ended: float | None = None

    async def list(self, _: Collection, take: Callable[[Mapping[str, Any]], None]) -> str:
        self._begin()
        if self.lists:
            return "7"
        await self._hang()
        return ""

    async def watch(self, *_: object) -> None:
        self._begin()
        await self._hang()

    def _begin(self) -> None:
        if self._ended is not None:
            self.pauses.append(asyncio.get_running_loop().time() - self._ended)
            self._ended = None

    async def _hang(self) -> None:
        await asyncio.sleep(LONG)
        self._ended = asyncio.get_running_loop().time()
        raise Unreachable("no answer")


async def pauses_with(server: HangingServer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr("shield_proxy.kube.follow.LEAST_PAUSE", LEAST)
    monkeypatch.setattr("shield_proxy.kube.follow.MOST_PAUSE", MOST)
    collection = Collection("/api/v1", "shop", "things")
    follower: Follower[str] = Follower(server, collection, lambda _: None, lambda _: None)  # type: ignore[arg-type]
    task = asyncio.create_task(follower.run())
    while len(server.pauses) < 5:
        await asyncio.sleep(0.01)
    task.cancel()
    return server.pauses


async def test_a_list_that_hangs_is_no_watch_that_lasted(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = await pauses_with(HangingServer(lists=False), monkeypatch)
    assert pauses[4] >= MOST / 2


async def test_a_watch_that_lasted_begins_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = await pauses_with(HangingServer(lists=True), monkeypatch)
    assert min(pauses[2:5]) < MOST / 2
