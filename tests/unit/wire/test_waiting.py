"""The line for connections."""

import asyncio

import pytest

from shield_proxy.wire.upstream.waiting import Line


async def test_who_came_first_is_served_first() -> None:
    line: Line[int] = Line()
    first, second = line.join(), line.join()
    assert line.serve(1)
    assert line.serve(2)
    assert not line.serve(3)
    assert (await first, await second, len(line)) == (1, 2, 0)


async def test_one_who_was_served_and_could_not_use_it_stands_in_front() -> None:
    line: Line[int] = Line()
    waiting, again = line.join(), line.join(first=True)
    line.serve(1)
    assert again.done()
    assert not waiting.done()


async def test_who_gives_up_leaves_no_hole() -> None:
    line: Line[int] = Line()
    left, cancelled, last = line.join(), line.join(), line.join()
    line.leave(left)
    cancelled.cancel()
    assert line.serve(7)
    assert (await last, left.done(), len(line)) == (7, False, 0)


async def test_all_are_told_that_waiting_is_of_no_use() -> None:
    line: Line[int] = Line()
    waiters = [line.join() for _ in range(3)]
    line.fail(lambda: ConnectionError("gone"))
    for waiter in waiters:
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(waiter, 1)
    assert not line
