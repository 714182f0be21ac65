"""Statuses, written to API servers that refuse, fail and answer late."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kube.saidserver import SaidServer, answer, request

from shield_courier.running.figures import Figures
from shield_courier.running.statuses import QUIET, StatusWriter, content
from shield_proxy.config.alerts.notification import DeliveryError, TargetStatus
from shield_proxy.kube.api import Collection
from waiting import until

ALERTS = Collection("/apis/smartshield.io/v1alpha1", "shop", "healthalerts")
ONE, TWO = [TargetStatus("hook", ("n1",))], [TargetStatus("hook", ("n1", "n2"))]


class Written:
    """What the server was sent, and how it answers: in this order, then well."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.settled: list[list[str]] = []
        self.paths: list[str] = []
        self.go = asyncio.Event()
        self.go.set()

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _, body = (await request(reader)).partition("\r\n\r\n")
            document = json.loads(body)
            self.paths.append(f"{head.split()[1]} {document['metadata']['uid']}")
            self.settled.append([id_ for each in document["status"]["targets"] for id_ in each["settled"]])
            await self.go.wait()
            writer.write(answer(b"{}", self.statuses.pop(0) if self.statuses else "200 OK"))
            await writer.drain()


@asynccontextmanager
async def writing(written: Written, folder: Path, quiet: float = QUIET) -> AsyncIterator[tuple[StatusWriter, Figures]]:
    figures = Figures()
    async with SaidServer(written.say, folder) as api:
        writer = StatusWriter(api, ALERTS, figures, quiet)
        task = asyncio.create_task(writer.run())
        try:
            yield writer, figures
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_what_the_api_knows_is_not_written(tmp_path: Path) -> None:
    written = Written()
    async with writing(written, tmp_path) as (writer, _):
        writer.seen("on-call", "u", [*ONE, TargetStatus("other")])
        writer.say("u", ONE)
        assert await writer.drain(5)
    assert written.settled == []


async def test_news_are_written_to_the_status_of_that_very_alert(tmp_path: Path) -> None:
    written = Written()
    async with writing(written, tmp_path) as (writer, figures):
        writer.seen("on-call", "u", [])
        writer.say("u", ONE)
        writer.say("u", ONE)
        assert await writer.drain(5)
    path = f"{ALERTS.path}/on-call/status?fieldManager=shield-courier&force=true u"
    assert (written.settled, written.paths) == ([["n1"]], [path])
    assert figures.writes == {"written": 1}


async def test_what_comes_while_a_write_is_on_its_way_follows_it_once(tmp_path: Path) -> None:
    written = Written()
    written.go.clear()
    async with writing(written, tmp_path) as (writer, _):
        writer.seen("on-call", "u", [])
        writer.say("u", ONE)
        await until(lambda: written.settled)
        for _ in range(9):
            writer.say("u", [])
            writer.say("u", TWO)
        written.go.set()
        assert await writer.drain(5)
    assert written.settled == [["n1"], ["n1", "n2"]]


async def test_a_write_that_fails_is_repeated_with_the_latest(tmp_path: Path) -> None:
    written = Written("500 No", "429 Busy")
    async with writing(written, tmp_path) as (writer, figures):
        writer.seen("on-call", "u", [])
        writer.say("u", ONE)
        await until(lambda: figures.writes["failed"])
        writer.say("u", TWO)
        assert await writer.drain(10)
    assert written.settled[-1] == ["n1", "n2"]
    assert figures.writes == {"failed": 2, "written": 1}


async def test_an_alert_that_is_gone_or_another_is_left_alone(tmp_path: Path) -> None:
    written = Written("404 No", "409 No")
    async with writing(written, tmp_path) as (writer, figures):
        for uid in ("u", "v"):
            writer.seen(f"alert-{uid}", uid, [])
            writer.say(uid, ONE)
        assert await writer.drain(5)
        writer.keep(set())
        writer.say("u", TWO)
        assert await writer.drain(5)
    assert figures.writes == {"dropped": 2}


async def test_what_a_courier_before_has_overwritten_is_written_again_and_old_news_are_not_believed(
    tmp_path: Path,
) -> None:
    written = Written()
    async with writing(written, tmp_path, quiet=0.5) as (writer, _):
        writer.seen("on-call", "u", [])
        writer.say("u", TWO)
        assert await writer.drain(5)
        for told in ([], TWO):  # late, from before the write; then its own
            writer.seen("on-call", "u", told)
            writer.say("u", TWO)
        await asyncio.sleep(1.2)
        assert written.settled == [["n1", "n2"]]
        writer.say("u", ONE)
        assert await writer.drain(5)
        writer.seen("on-call", "u", TWO)
        await until(lambda: len(written.settled) == 3)
    assert written.settled == [["n1", "n2"], ["n1"], ["n1"]]


async def test_the_end_is_not_held_up_by_an_api_that_hangs(tmp_path: Path) -> None:
    written = Written()
    written.go.clear()
    async with writing(written, tmp_path) as (writer, _):
        writer.seen("on-call", "u", [])
        writer.say("u", ONE)
        assert not await writer.drain(0.2)


def test_order_is_no_difference_and_errors_are_one() -> None:
    two = [TargetStatus("a", ("1", "2")), TargetStatus("b", ("1",))]
    assert content(two) == content([TargetStatus("b", ("1",)), TargetStatus("a", ("2", "1"))])
    assert content(two) != content([two[0], TargetStatus("b", ("1",), None, DeliveryError("t", "1", "m", 1))])
