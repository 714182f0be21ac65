"""The garbage collector's timetable."""

import asyncio
import contextlib
import gc

import pytest

from shield_proxy.process.collector import NEVER, collect_seldom, pause_after


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
