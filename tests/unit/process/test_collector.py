"""The garbage collector's timetable."""

import asyncio
import contextlib
import ctypes
import gc
import os
from pathlib import Path

import pytest

from shield_proxy.process.collector import NEVER, collect_seldom, memory_returner, pause_after


@pytest.mark.parametrize(("took", "pause"), [(0.0, 60), (0.005, 60), (0.26, 2600)])
def test_a_look_at_everything_takes_no_more_than_a_ten_thousandth_of_the_time(took: float, pause: float) -> None:
    assert pause_after(took) == pytest.approx(pause)


async def test_only_the_young_are_collected_automatically_and_what_was_there_at_the_start_never() -> None:
    before = gc.get_threshold()
    running = asyncio.get_running_loop().create_task(collect_seldom())
    try:
        await asyncio.sleep(0)
        assert gc.get_threshold()[2] == NEVER
        assert gc.get_freeze_count() > 10_000
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        gc.unfreeze()
        gc.set_threshold(*before)


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
def test_memory_that_is_free_between_what_is_kept_is_given_back() -> None:
    pieces = [bytes([number % 255 + 1]) * 20_000 for number in range(4000)]
    kept = pieces[::8]
    del pieces
    before = resident()
    memory_returner()(0)
    assert before - resident() > 40 << 20
    assert len(kept) == 500
