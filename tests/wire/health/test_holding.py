"""A run's writes of its Lease, to an API server that holds it: what is done where they are refused, or get lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kube.saidserver import SaidServer, answer, request

from shield_proxy.config.checks.contract import LEASE_SECONDS, RENEW_SECONDS, SUCCESSOR
from shield_proxy.health.running.figures import Figures
from shield_proxy.health.running.holding import Holding, Named
from shield_proxy.health.running.lease import AFTER, Lease, read_lease, write_instant
from waiting import until

NOW = 1_700_000_000.0
OLD = NOW - RENEW_SECONDS - 1
"""A renewal that is to be followed by another."""
DIED = NOW - LEASE_SECONDS - 3


class LeaseServer:
    """Has one Lease, lists and watches it, and merges what is conditional on its version. Others change it by
    `change`; those who watch hear of it by `tell`."""

    def __init__(self, version: int, holder: str, renewed: float) -> None:
        notes = {AFTER: repr(NOW - 500)}
        self.lease: dict[str, Any] = {"metadata": {"name": "l", "annotations": notes}, "spec": {}}
        self.change(version, {"holderIdentity": holder, "renewTime": write_instant(renewed)})
        self.patches: list[str | None] = []
        """The holder that each names."""
        self.after_list: tuple[int, float] | None = None
        """Version and renewal from then on."""
        self.refuses = False
        self.loses = 0
        """Answers to patches that are written."""
        self._watches: list[asyncio.StreamWriter] = []

    @property
    def version(self) -> int:
        return int(self.lease["metadata"]["resourceVersion"])

    @property
    def now(self) -> Lease:
        return read_lease(self.lease)

    def change(self, version: int, spec: Mapping[str, Any], notes: Mapping[str, str | None] | None = None) -> None:
        metadata = self.lease["metadata"]
        self.lease["spec"] |= spec
        told = metadata["annotations"] | (notes or {})
        metadata["annotations"] = {name: text for name, text in told.items() if text is not None}
        metadata["resourceVersion"] = str(version)

    async def tell(self) -> None:
        event = json.dumps({"type": "MODIFIED", "object": self.lease}).encode() + b"\n"
        for each in self._watches:
            each.write(b"%x\r\n%b\r\n" % (len(event), event))
            await each.drain()

    async def watched(self) -> None:
        await until(lambda: self._watches, 5)

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _, body = (await request(reader)).partition("\r\n\r\n")
            method, target = head.split()[:2]
            if method == "PATCH":
                if not self._merge(json.loads(body)):
                    writer.write(answer(b"{}", "409 Conflict"))
                    continue
                if self.loses:
                    self.loses -= 1
                    return
            elif "watch=true" in target:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                self._watches.append(writer)
                await reader.read()
                return
            elif "?" in target:
                listed = {"metadata": {"resourceVersion": str(self.version)}, "items": [self.lease]}
                writer.write(answer(json.dumps(listed).encode()))
                if self.after_list is not None:
                    self.change(self.after_list[0], {"renewTime": write_instant(self.after_list[1])})
                continue
            writer.write(answer(json.dumps(self.lease).encode()))

    def _merge(self, patch: dict[str, Any]) -> bool:
        self.patches.append(patch["spec"].get("holderIdentity"))
        if self.refuses or patch["metadata"]["resourceVersion"] != str(self.version):
            return False
        self.change(self.version + 1, patch["spec"], patch["metadata"]["annotations"])
        return True


class Probes:
    """What a run is told of its slots; it has none."""

    def __init__(self) -> None:
        self.gaps: list[tuple[float, float]] = []
        self.owned: tuple[float, float] | None = None

    def own(self, after: float, until: float) -> None:
        self.owned = after, until

    def gap(self, since: float, until: float) -> None:
        self.gaps.append((since, until))

    def settle(self, lease: Lease) -> None:
        pass

    def knows(self) -> bool:
        return True

    def idle(self, _: float) -> bool:
        return True

    def counters(self) -> dict[str, Any]:
        return {}

    def missed(self) -> int:
        return 0

    def samples(self) -> dict[str, Any]:
        return {}


@asynccontextmanager
async def running(server: LeaseServer, folder: Path, run: str) -> AsyncIterator[Probes]:
    """A run whose wall clock stands still."""
    probes = Probes()
    async with SaidServer(server.say, folder) as api:
        holding = Holding(api, Named("shop", "l"), run, probes, Figures(), lambda: NOW)
        task = asyncio.create_task(holding.run())
        try:
            yield probes
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until_holder(server: LeaseServer, holder: str) -> None:
    await until(lambda: server.now.holder == holder, 5)
    await asyncio.sleep(0.2)  # the holder hears of it


async def test_a_lease_whose_version_went_back_is_taken_as_it_is_and_written(tmp_path: Path) -> None:
    server = LeaseServer(9000, "a", OLD)
    server.after_list = 500, OLD - 1  # a backup was restored
    async with running(server, tmp_path, "a"):
        await until(lambda: server.now.renewed == NOW, 5)
        await asyncio.sleep(0.3)
    assert server.version == 501
    assert len(server.patches) == 2


async def test_writes_of_a_lease_that_stays_as_it_is_and_refuses_them_are_spread(tmp_path: Path) -> None:
    server = LeaseServer(9000, "a", OLD)
    server.refuses = True
    async with running(server, tmp_path, "a"):
        await until(lambda: server.patches, 5)
        await asyncio.sleep(1.5)
    assert 2 <= len(server.patches) <= 6


async def test_no_gap_is_told_where_the_holder_renewed_before_it_was_taken_for_dead(tmp_path: Path) -> None:
    server = LeaseServer(10, "a", DIED)
    server.after_list = 11, NOW
    async with running(server, tmp_path, "b") as probes:
        await server.watched()
        await until(lambda: server.now.successor == "b", 5)
        server.change(server.version + 1, {}, {SUCCESSOR: f"b {NOW + 3!r}"})
        await server.tell()
        await until_holder(server, "b")
    assert server.patches[:3] == ["b", None, "b"]  # claims, asks, takes
    assert probes.owned == (NOW + 3, float("inf"))
    assert probes.gaps == []


@pytest.mark.parametrize("lost", [0, 1])
async def test_the_gap_before_a_claim_is_told_once_though_its_answer_was_lost(tmp_path: Path, lost: int) -> None:
    server = LeaseServer(10, "a", DIED)
    server.loses = lost
    async with running(server, tmp_path, "b") as probes:
        await until_holder(server, "b")
    assert len(server.patches) == 1 + lost  # asked again on another connection, and refused
    assert probes.owned == (NOW, float("inf"))
    assert probes.gaps == [(DIED, NOW)]
