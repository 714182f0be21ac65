"""Mounted files: a swap is seen, what can't be used is tried again, and the former stays."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from shield_proxy.config.record import split_record, write_record
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA
from shield_proxy.process.state import StateHolder, chunk_paths
from shield_proxy.process.watch import Renewal, signature, take_mounted, watch
from shield_proxy.wire.tls.hops import load_hop_tls


def mount(directory: Path, generation: int) -> None:
    """Swaps a version of the mount in, as the kubelet does."""
    version = directory / f"..version-{generation}"
    version.mkdir()
    record = write_record(FleetState("shop", "default", generation, 1), SCHEMA)
    (version / "chunk-0").write_bytes(split_record(record)[0])
    fresh = directory / "..data_tmp"
    fresh.symlink_to(version.name)
    fresh.rename(directory / "..data")
    if not (directory / "chunk-0").is_symlink():
        (directory / "chunk-0").symlink_to("..data/chunk-0")


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_swapped_mount_is_taken_and_a_lower_generation_is_not(tmp_path: Path) -> None:
    used: list[FleetState] = []
    held = StateHolder("shop", "default", used.append, 0)
    calls: list[bool] = []

    def changed() -> bool:
        calls.append(take_mounted(held, tmp_path))
        return calls[-1]

    task = asyncio.create_task(watch(chunk_paths(tmp_path), changed, 0.005))
    try:
        for generation, expected in ((3, 3), (4, 4), (2, 4)):
            before = len(calls)
            mount(tmp_path, generation)
            await until(lambda seen=before: len(calls) > seen)  # type: ignore[misc]
            assert used[-1].generation == expected
    finally:
        task.cancel()


async def test_a_change_that_could_not_be_used_is_tried_until_it_can(tmp_path: Path) -> None:
    answers = [False, False, True]
    tried: list[int] = []

    def changed() -> bool:
        tried.append(1)
        return answers[min(len(tried), len(answers)) - 1]

    task = asyncio.create_task(watch([tmp_path / "a"], changed, 0.005))
    try:
        await asyncio.sleep(0)
        (tmp_path / "a").write_text("x")
        await until(lambda: len(tried) == 3)
        await asyncio.sleep(0.05)
        assert len(tried) == 3
    finally:
        task.cancel()


def test_the_signature_changes_with_a_file_that_comes_changes_or_goes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    seen = [signature([path])]
    path.write_text("x")
    seen.append(signature([path]))
    path.write_text("xy")
    seen.append(signature([path]))
    assert len(set(seen)) == 3
    path.unlink()
    assert signature([path]) == seen[0]


def test_certificates_that_cannot_be_used_are_complained_about_once(
    issue: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    directory = issue("spiffe://smartshield.io/operator")
    renewal = Renewal(load_hop_tls(directory))
    key = (directory / "tls.key").read_bytes()
    (directory / "tls.key").write_text("torn")
    assert not renewal.renew()
    assert not renewal.renew()
    assert len(caplog.records) == 1
    (directory / "tls.key").write_bytes(key)
    assert renewal.renew()
