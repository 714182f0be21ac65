"""A body between a socket and its reader."""

import asyncio

import pytest

from shield_proxy.wire.flow.inflow import HIGH_WATER, Inflow
from shield_proxy.wire.http.message import Refused


class Valve:
    def __init__(self) -> None:
        self.paused = 0
        self.body = Inflow(self.pause, self.resume)

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        self.paused -= 1


async def test_the_sender_is_paused_beyond_the_mark_and_resumed_by_reading() -> None:
    valve = Valve()
    valve.body.push(b"x" * HIGH_WATER)
    assert valve.paused == 0
    valve.body.push(b"y")
    valve.body.push(b"z")
    assert valve.paused == 1
    assert len(await valve.body.read()) == HIGH_WATER + 2
    assert valve.paused == 0


async def test_an_end_resumes_for_the_next_message() -> None:
    valve = Valve()
    valve.body.push(b"x" * (HIGH_WATER + 1))
    valve.body.end()
    assert valve.paused == 0
    assert len(await valve.body.read()) == HIGH_WATER + 1
    assert await valve.body.read() == b""


async def test_a_failure_comes_after_the_bytes_that_came() -> None:
    valve = Valve()
    valve.body.push(b"x")
    valve.body.fail(ConnectionError("cut"))
    assert await valve.body.read() == b"x"
    with pytest.raises(ConnectionError):
        await valve.body.read()


async def test_a_waiting_reader_wants_bytes_and_is_woken() -> None:
    valve = Valve()
    reading = asyncio.create_task(valve.body.read())
    await asyncio.sleep(0)
    assert valve.body.wanted
    valve.body.push(b"x")
    assert await reading == b"x"
    assert not valve.body.wanted


async def test_a_body_beyond_its_limit_fails_at_once_and_keeps_nothing() -> None:
    valve = Valve()
    valve.body.limit(10)
    valve.body.push(b"x" * 10)
    assert await valve.body.read() == b"x" * 10
    valve.body.push(b"y")
    valve.body.push(b"z")
    valve.body.end()
    assert (valve.body.ended, valve.body.waiting) == (False, 0)
    with pytest.raises(Refused, match="413"):
        await valve.body.read()


async def test_a_limit_looks_at_what_has_come_already() -> None:
    valve = Valve()
    valve.body.push(b"x" * 11)
    valve.body.end()
    valve.body.limit(10)
    with pytest.raises(Refused, match="413"):
        await valve.body.read()
