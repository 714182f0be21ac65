"""Entries on their way to an API server that is busy, broken or gone: the latest arrives, once, and late at most."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kube.saidserver import SaidServer, answer, request

from shield_proxy.config.checks.health import Health
from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.figures import Figures
from shield_proxy.health.running.reporting import Reporter
from shield_proxy.health.running.standing import Entry, Place
from shield_proxy.kube.api import Collection
from shield_proxy.kube.pace import AT_ONCE

CHECKS = Collection("/apis/smartshield.io/v1alpha1", "shop", "healthchecks")
Answers = Callable[[int], bytes]
"""To the first request, the second and so on; b"": the connection ends."""


def check(number: int = 0) -> Assigned:
    return Assigned(f"check-{number}", f"{number:032x}", 1, 0.0, None, "", 0.0, None)


def entry(code: int) -> Entry:
    return Entry(Health.UNHEALTHY, "Response code mismatch error", "", 1, "2026-01-01T00:00:00Z", code)


class Server:
    """Answers as it is told, and keeps the codes of the entries that came, with the time."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.came: list[tuple[str, int, float]] = []
        self.now, self.most = 0, 0

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            text = await request(reader)
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                head, _, body = text.partition("\r\n\r\n")
                (told,) = json.loads(body)["status"]["probes"]
                name = re.search(r"healthchecks/([^/]+)/status", head)
                assert name is not None
                self.came.append((name[1], told["code"], time.monotonic()))
                said = self.answers(len(self.came) - 1)
                await asyncio.sleep(0.01)
            finally:
                self.now -= 1
            if not said:
                return
            writer.write(said)
            await writer.drain()


@asynccontextmanager
async def reporting(server: Server, folder: Path) -> AsyncIterator[tuple[Reporter, Figures]]:
    figures = Figures()
    async with SaidServer(server.say, folder) as api:
        reporter = Reporter(api, CHECKS, Place("eu", "a"), figures)
        task = asyncio.create_task(reporter.run())
        try:
            yield reporter, figures
        finally:
            task.cancel()
            await asyncio.wait([task])


WRITTEN = answer(b"{}")


async def test_a_busy_server_is_asked_again_when_it_said_and_for_the_latest_entry(tmp_path: Path) -> None:
    server = Server(lambda i: answer(b"{}", "429 Too Many Requests", "Retry-After: 1") if i == 0 else WRITTEN)
    async with reporting(server, tmp_path) as (reporter, figures):
        reporter.say(check(), entry(500))
        while not server.came:
            await asyncio.sleep(0.01)
        reporter.say(check(), entry(501))
        reporter.say(check(), entry(502))
        await reporter.drain(5)
    assert [code for _, code, _ in server.came] == [500, 502]
    assert server.came[1][2] - server.came[0][2] >= 0.95
    assert dict(figures.reports) == {"failed": 1, "written": 1}


async def test_errors_and_broken_connections_are_outlived(tmp_path: Path) -> None:
    said = [answer(b"no JSON", "503 No"), b"", b"HTTP/9 what\r\n\r\n"]
    server = Server(lambda i: said[i] if i < len(said) else WRITTEN)
    async with reporting(server, tmp_path) as (reporter, figures):
        reporter.say(check(), entry(500))
        await reporter.drain(20)
    assert figures.reports["written"] == 1
    assert {code for _, code, _ in server.came} == {500}


async def test_a_check_that_is_gone_is_told_of_no_more(tmp_path: Path) -> None:
    server = Server(lambda i: answer(b"{}", "404 Not Found"))
    async with reporting(server, tmp_path) as (reporter, figures):
        reporter.say(check(), entry(500))
        await reporter.drain(5)
        await asyncio.sleep(1.2)
    assert len(server.came) == 1
    assert dict(figures.reports) == {"dropped": 1}


async def test_many_entries_at_once_all_arrive_and_few_are_on_their_way(tmp_path: Path) -> None:
    server = Server(lambda i: answer(b"{}", "503 No") if i % 3 == 0 else WRITTEN)
    async with reporting(server, tmp_path) as (reporter, figures):
        for i in range(60):
            reporter.say(check(i), entry(500 + i % 99))
        await reporter.drain(20)
    assert figures.reports["written"] == 60
    assert server.most <= AT_ONCE
    written: dict[str, Any] = {}
    for i, (name, code, _) in enumerate(server.came):
        if i % 3:
            assert name not in written, "none twice"
            written[name] = code
    assert written == {f"check-{i}": 500 + i % 99 for i in range(60)}


async def test_a_server_that_comes_back_after_long_hears_within_seconds(tmp_path: Path) -> None:
    back = [False]
    server = Server(lambda i: WRITTEN if back[0] else b"")
    async with reporting(server, tmp_path) as (reporter, _):
        reporter.say(check(), entry(500))
        await asyncio.sleep(4)
        tries, back[0] = len(server.came), True
        at = time.monotonic()
        await reporter.drain(20)
        assert time.monotonic() - at < 9
    assert tries < 10
