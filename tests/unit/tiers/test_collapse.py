"""Fills: many readers of one body."""

import asyncio
import tracemalloc

import pytest

from shield_proxy.tiers.answering.collapse import DONT_WAIT_SECONDS, WINDOW, CutShort, Failed, Fill, Fills


async def test_a_reader_gets_everything_whenever_it_joins() -> None:
    fill = Fill()
    early = fill.reader()
    reading = asyncio.create_task(early.read())
    await asyncio.sleep(0)
    fill.add(b"one")
    assert await reading == b"one"
    fill.add(b"two")
    late = fill.reader()
    assert await late.read() == b"onetwo"
    fill.end()
    assert [await early.read(), await early.read(), await late.read()] == [b"two", b"", b""]
    assert fill.body() == b"onetwo"


async def test_a_failure_reaches_every_reader_after_its_bytes() -> None:
    fill = Fill()
    reader = fill.reader()
    fill.add(b"one")
    fill.fail()
    assert await reader.read() == b"one"
    with pytest.raises(CutShort):
        await reader.read()
    assert not fill.joinable


async def test_a_body_that_is_not_kept_waits_for_its_slowest_reader_only() -> None:
    fill = Fill()
    slow, fast = fill.reader(), fill.reader()
    fill.let_go()
    assert not fill.joinable
    fill.add(b"x" * (WINDOW + 1))
    await fast.read()
    waiting = asyncio.create_task(fill.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await slow.read()
    assert await waiting
    assert fill.size == 0
    fill.add(b"y" * (WINDOW + 1))
    slow.close()
    await fast.read()
    assert await fill.room()
    fast.close()
    assert not await fill.room()


async def test_the_first_outcome_counts() -> None:
    fill = Fill()
    fill.open(Failed(502, "first"))
    fill.open(Failed(503, "second"))
    assert await fill.opened() == Failed(502, "first")


async def test_keys_that_are_not_shared_are_remembered_for_a_while() -> None:
    fills = Fills()
    fills.dont_wait(b"k", 100)
    assert fills.is_alone(b"k", 100 + DONT_WAIT_SECONDS - 1)
    assert not fills.is_alone(b"k", 100 + DONT_WAIT_SECONDS)
    fills.dont_wait(b"k", 100)
    fills.shared(b"k")
    assert not fills.is_alone(b"k", 100)


async def test_a_fill_is_found_until_it_is_finished_or_its_bytes_are_let_go() -> None:
    fills = Fills()
    fill = fills.begin(b"k")
    assert fills.running(b"k") is fill
    fill.let_go()
    assert fills.running(b"k") is None
    second = fills.begin(b"k")
    fills.finish(b"k", fill)
    assert fills.running(b"k") is second
    fills.finish(b"k", second)
    assert fills.running(b"k") is None


async def test_who_lags_behind_gets_the_rest_in_copies_of_bounded_size() -> None:
    fill = Fill()
    reader = fill.reader()
    piece = b"x" * (WINDOW // 4)
    for _ in range(40):
        fill.add(piece)
    fill.end()
    sizes = []
    while taken := await reader.read():
        sizes.append(len(taken))
    assert sum(sizes) == 40 * len(piece)
    assert max(sizes) <= WINDOW + len(piece)


def test_keys_that_are_fetched_alone_are_remembered_without_their_bytes() -> None:
    fills = Fills()
    tracemalloc.start()
    for i in range(1000):
        fills.dont_wait(b"%d" % i + b"x" * 10_000, 0.0)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000
    assert fills.is_alone(b"7" + b"x" * 10_000, 1.0)
    fills.shared(b"7" + b"x" * 10_000)
    assert not fills.is_alone(b"7" + b"x" * 10_000, 1.0)


async def test_a_fetch_without_a_response_is_joined_no_more_once_others_are_asked() -> None:
    fills = Fills()
    waiting, answered = fills.begin(b"waiting"), fills.begin(b"answered")
    answered.open(Failed(502, "any"))
    fills.detach_unanswered()
    assert (fills.running(b"waiting"), fills.running(b"answered")) == (None, answered)
    later = fills.begin(b"waiting")
    fills.finish(b"waiting", waiting)
    assert fills.running(b"waiting") is later
