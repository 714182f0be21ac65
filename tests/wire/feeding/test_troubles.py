"""Samples on their way to an analytics service that is slow, refuses, hangs, closes, recovers."""

import asyncio
import socket
import threading
import time

import pytest
from feeding.analytics import Service, close, fed, hang, line, until
from health.servers import reset

from shield_proxy.config.checks.feed import read_sink
from shield_proxy.process.backlog import MOST_WAITING, Fate
from shield_proxy.process.feeding import Access, Pace

TROUBLES = {
    "hangs": hang,
    "closes in the middle": close,
    "resets": reset,
    "answers no HTTP": lambda sock: sock.sendall(b"\x00" * 100),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_was_not_taken_is_sent_again(service: Service, access: Access, trouble: str) -> None:
    service.first = [TROUBLES[trouble]]
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 1)
        feed.offer(line(2))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 2)
    assert {each["at"] for each in service.taken} == {"2023-11-14T22:13:21.000Z", "2023-11-14T22:13:22.000Z"}
    assert feed.backlog.posts["ok"] >= 1


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
async def test_statuses_that_pass_are_waited_out(service: Service, access: Access, status: int) -> None:
    service.first = [service.answers(f"HTTP/1.1 {status} No")]
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)
    assert feed.backlog.posts == {str(status): 1, "ok": 1}


async def test_a_service_that_asks_for_time_gets_it(service: Service, access: Access) -> None:
    service.first = [service.answers("HTTP/1.1 503 Busy\r\nRetry-After: 1")]
    async with fed(access, Pace(batch=0.01, least=0.01)) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["503"])
        since = time.monotonic()
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)
        assert time.monotonic() - since > 0.9


@pytest.mark.parametrize("status", [302, 400, 413])
async def test_what_is_refused_for_good_is_dropped_and_counted(service: Service, access: Access, status: int) -> None:
    service.first = [service.answers(f"HTTP/1.1 {status} No")]
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.fates[Fate.REFUSED] == 1)
        feed.offer(line(2))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)
    assert len(service.taken) == 1


async def test_while_nobody_takes_them_the_newest_samples_are_kept(access: Access) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = Access(read_sink(f"https://127.0.0.1:{unused.getsockname()[1]}/"), access.directory)
        async with fed(nowhere, drain=0.1) as feed:
            for number in range(MOST_WAITING + 10):
                feed.offer(line(number))
            await until(lambda: feed.backlog.posts["error"] >= 3)
            assert len(feed.backlog) <= MOST_WAITING
    fates = feed.backlog.fates
    assert fates[Fate.OVERFLOW] == 10
    assert fates[Fate.UNSENT] == MOST_WAITING


async def test_a_failing_service_is_not_asked_more_often_when_more_samples_wait(access: Access) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = Access(read_sink(f"https://127.0.0.1:{unused.getsockname()[1]}/"), access.directory)
        async with fed(nowhere, Pace(batch=0.01, least=5.0), drain=0.1) as feed:
            for number in range(MOST_WAITING):
                feed.offer(line(number))
            await until(lambda: feed.backlog.posts["error"])
            for number in range(MOST_WAITING):
                feed.offer(line(number))
                if number % 100 == 0:
                    await asyncio.sleep(0.02)
            assert feed.backlog.posts["error"] == 1


async def test_what_waits_at_the_end_is_sent(service: Service, access: Access) -> None:
    async with fed(access, Pace(batch=60.0)) as feed:
        feed.offer(line(1))
    assert (len(service.taken), feed.backlog.fates[Fate.UNSENT]) == (1, 0)


async def test_a_service_that_hangs_holds_the_end_up_for_a_moment_only(service: Service, access: Access) -> None:
    service.first = [hang] * 9
    began = time.monotonic()
    async with fed(access, Pace(batch=60.0), drain=0.5) as feed:
        feed.offer(line(1))
    assert time.monotonic() - began < 5
    assert feed.backlog.fates[Fate.UNSENT] == 1


async def test_a_service_that_is_slow_holds_nobody_up(service: Service, access: Access) -> None:
    asked, goes_on = threading.Event(), threading.Event()

    def slow(sock: socket.socket) -> None:
        asked.set()
        goes_on.wait(30)
        service.take(sock)

    service.first = [slow]
    async with fed(access, Pace(batch=0.05, post=30.0)) as feed:
        feed.offer(line(1))
        await until(asked.is_set)
        for number in range(1000):
            feed.offer(line(number))
        assert not service.taken
        goes_on.set()
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1001)
