"""Following the objects that a field selects, by servers that can select by it and by one that can't."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from kube.saidserver import SaidServer, answer, request

from shield_proxy.kube.api import Collection
from shield_proxy.kube.follow import Follower

ALL = Collection("/apis/smartshield.io/v1alpha1", "shop", "healthchecks")
MINE = Collection(ALL.prefix, ALL.namespace, ALL.plural, "status.shard=3")
REFUSED = answer(b'{"message":"field label not supported: status.shard"}', "400 Bad Request")


class Checks:
    """A server with one check in each of two shards, that understands the selector or refuses it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.selects = True

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            target = (await request(reader)).split(" ")[1]
            query = parse_qs(target.partition("?")[2])
            selector = query.get("fieldSelector", [""])[0]
            self.asked.append(("watch" if "watch" in query else "list", selector))
            if selector and not self.selects:
                writer.write(REFUSED)
            elif "watch" in query:
                await reader.read()
            else:
                items = [self.check(shard) for shard in (3, 4) if selector in ("", f"status.shard={shard}")]
                page = {"metadata": {"resourceVersion": "5"}, "items": items}
                writer.write(answer(json.dumps(page).encode()))

    @staticmethod
    def check(shard: int) -> dict[str, Any]:
        return {"metadata": {"name": f"of-{shard}"}, "status": {"shard": shard}}


def read(resource: Mapping[str, Any]) -> str | None:
    return str(resource["metadata"]["name"]) if resource["status"]["shard"] == 3 else None


@asynccontextmanager
async def following(checks: Checks, tmp_path: Path, otherwise: Collection | None = ALL) -> Any:
    views: list[list[str]] = []
    async with SaidServer(checks.say, tmp_path) as api:
        follower = Follower(api, MINE, read, lambda view: views.append(sorted(view)), otherwise=otherwise)
        task = asyncio.create_task(follower.run())
        yield views
        task.cancel()
        await asyncio.wait([task])


async def until_asked(checks: Checks, what: tuple[str, str], times: int = 1) -> None:
    async with asyncio.timeout(10):
        while checks.asked.count(what) < times:
            await asyncio.sleep(0.01)


async def test_only_what_is_selected_is_asked_for(tmp_path: Path) -> None:
    checks = Checks()
    async with following(checks, tmp_path) as views:
        await until_asked(checks, ("watch", MINE.selector))
    assert checks.asked == [("list", MINE.selector), ("watch", MINE.selector)]
    assert views == [["of-3"]]


async def test_where_the_server_can_t_select_all_is_followed_at_once_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checks = Checks()
    checks.selects = False
    with caplog.at_level(logging.WARNING):
        async with following(checks, tmp_path) as views:
            await until_asked(checks, ("watch", ""))
    assert checks.asked == [("list", MINE.selector), ("list", ""), ("watch", "")]
    assert views == [["of-3"]]
    (line,) = caplog.messages
    assert line.startswith("all healthchecks are watched, not status.shard=3: 400 field label not supported")


async def test_a_refusal_of_what_nothing_stands_in_for_is_tried_again(tmp_path: Path) -> None:
    checks = Checks()
    checks.selects = False
    async with following(checks, tmp_path, otherwise=None) as views:
        await until_asked(checks, ("list", MINE.selector), 2)
        checks.selects = True
        await until_asked(checks, ("watch", MINE.selector))
    assert views == [["of-3"]]
