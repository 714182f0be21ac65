"""Applies to many objects, to API servers that are slow, busy and broken."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kube.saidserver import SaidServer, answer, request

from shield_proxy.kube.pace import AT_ONCE
from shield_proxy.kube.writing import Write, Writer
from waiting import until


class World:
    """A server that answers as it is told, in this order, then well; what came to it, and what the writer told."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.silent: set[str] = set()
        """Paths of which a write gets no answer; its connection is closed."""
        self.came: list[tuple[str, int]] = []
        """Path and number of each document."""
        self.times: list[float] = []
        self.ended: list[tuple[str, int]] = []
        self.outcomes: Counter[str] = Counter()
        self.now = self.most = 0
        self.go = asyncio.Event()
        self.go.set()

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _, body = (await request(reader)).partition("\r\n\r\n")
            self.came.append((head.split()[1], json.loads(body)["number"]))
            self.times.append(time.monotonic())
            self.now += 1
            self.most = max(self.most, self.now)
            await self.go.wait()
            self.now -= 1
            if self.came[-1][0].partition("?")[0] in self.silent:
                return
            writer.write(self.answers.pop(0) if self.answers else answer(b"{}"))
            await writer.drain()

    @property
    def numbers(self) -> list[int]:
        """Of the documents that came."""
        return [number for _, number in self.came]


@asynccontextmanager
async def writing(world: World, folder: Path, most_pause: float = 10.0) -> AsyncIterator[Writer[int]]:
    async with SaidServer(world.say, folder) as api:
        ended: Callable[[str, int], None] = lambda key, content: world.ended.append((key, content))  # noqa: E731
        writer = Writer(api, "me", most_pause, world.outcomes, ended)
        task = asyncio.create_task(writer.run())
        try:
            yield writer
        finally:
            task.cancel()
            await asyncio.wait([task])


def write(number: int, path: str = "/x") -> Write[int]:
    return Write(f"the number of {path}", path, {"number": number}, number)


async def test_a_write_is_an_apply_of_the_field_manager_and_is_told_once(tmp_path: Path) -> None:
    world = World()
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1))
        assert writer.waits("x")
        assert await writer.drain(5)
        assert not writer.waits("x")
    assert world.came == [("/x?fieldManager=me&force=true", 1)]
    assert (world.ended, world.outcomes) == ([("x", 1)], {"written": 1})


async def test_few_are_on_their_way_and_all_arrive(tmp_path: Path) -> None:
    world = World()
    world.go.clear()
    async with writing(world, tmp_path) as writer:
        for number in range(5 * AT_ONCE):
            writer.put(f"{number}", write(number))
        await until(lambda: world.now == AT_ONCE)
        assert not await writer.drain(0.2)
        world.go.set()
        assert await writer.drain(5)
    assert sorted(world.numbers) == list(range(5 * AT_ONCE))
    assert world.most == AT_ONCE


@pytest.mark.parametrize("status", ["503 No", "429 Too Many Requests", "504 No"])
async def test_a_server_that_does_not_keep_up_gets_less_at_a_time_until_it_does(tmp_path: Path, status: str) -> None:
    world = World(*[answer(b"{}", status)] * AT_ONCE)
    async with writing(world, tmp_path, most_pause=0.5) as writer:
        for number in range(AT_ONCE):
            writer.put(f"{number}", write(number))
        await until(lambda: world.outcomes["failed"] == AT_ONCE)
        world.go.clear()
        world.most = 0
        for number in range(AT_ONCE, 8 * AT_ONCE):
            writer.put(f"{number}", write(number))
        await until(lambda: world.now)
        await asyncio.sleep(0.6)  # those that failed are due again, too
        assert world.most == 1
        world.go.set()
        assert await writer.drain(5)
        world.go.clear()
        for number in range(2 * AT_ONCE):
            writer.put(f"{number}", write(number))
        await until(lambda: world.now == AT_ONCE)
        world.go.set()
        assert await writer.drain(5)
    assert world.outcomes == {"failed": AT_ONCE, "written": 10 * AT_ONCE}


async def test_a_write_that_hangs_is_given_up_for_what_overtakes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shield_proxy.kube.writing.PATIENCE", 0.3)
    world = World()
    world.go.clear()
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1))
        await until(lambda: world.now == 1)
        began = time.monotonic()
        await asyncio.sleep(0.6)
        assert world.outcomes == {}  # it is waited for, as long as nothing is newer
        writer.put("x", write(2))
        await until(lambda: world.outcomes["failed"] == 1)
        assert time.monotonic() - began < 4
        world.go.set()
        assert await writer.drain(5)
    assert world.ended == [("x", 2)]


async def test_what_a_server_says_of_an_object_does_not_slow_down_others(tmp_path: Path) -> None:
    world = World(*[answer(b"{}", "422 No")] * AT_ONCE)
    async with writing(world, tmp_path) as writer:
        for number in range(AT_ONCE):
            writer.put(f"{number}", write(number))
        await until(lambda: world.outcomes["failed"] == AT_ONCE)
        world.go.clear()
        for number in range(AT_ONCE, 3 * AT_ONCE):
            writer.put(f"{number}", write(number))
        await until(lambda: world.now == AT_ONCE)
        world.go.set()
        assert await writer.drain(5)


async def test_only_the_latest_of_what_waits_is_written(tmp_path: Path) -> None:
    world = World()
    async with writing(world, tmp_path) as writer:
        for number in range(9):
            writer.put("x", write(number))
        assert await writer.drain(5)
    assert world.numbers == [8]


async def test_what_comes_while_a_write_is_on_its_way_follows_unless_it_says_the_same(tmp_path: Path) -> None:
    world = World()
    world.go.clear()
    async with writing(world, tmp_path) as writer:
        for key, later in (("x", (2, 3)), ("y", (2, 1))):
            writer.put(key, write(1, f"/{key}"))
            await until(lambda path=f"/{key}?": any(each.startswith(path) for each, _ in world.came))  # type: ignore[misc]
            for number in later:
                writer.put(key, write(number, f"/{key}"))
        world.go.set()
        assert await writer.drain(5)
    assert [number for path, number in world.came if path.startswith("/x")] == [1, 3]
    assert [number for path, number in world.came if path.startswith("/y")] == [1]
    assert sorted(world.ended) == [("x", 1), ("x", 3), ("y", 1)]


async def test_pauses_after_failures_grow_up_to_the_most(tmp_path: Path) -> None:
    world = World(*[answer(b"{}", "503 No")] * 4)
    async with writing(world, tmp_path, most_pause=1.0) as writer:
        writer.put("x", write(1))
        assert await writer.drain(10)
    gaps = [after - before for before, after in zip(world.times, world.times[1:], strict=False)]
    assert len(gaps) == 4
    assert gaps[0] >= 0.25
    assert min(gaps[1:]) >= 0.5
    assert gaps[3] < 2  # twice as much each time would be at least that
    assert (world.ended, world.outcomes) == ([("x", 1)], {"failed": 4, "written": 1})


async def test_a_server_that_says_when_to_come_again_is_heard(tmp_path: Path) -> None:
    world = World(answer(b"{}", "429 Too Many Requests", "Retry-After: 1"))
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1))
        await until(lambda: world.outcomes["failed"])
        writer.put("x", write(2))
        assert await writer.drain(5)
    assert world.numbers == [1, 2]
    assert world.times[1] - world.times[0] >= 0.95


@pytest.mark.parametrize("first", ["200 OK", "503 No"])
async def test_what_waits_because_a_server_was_silent_goes_at_once_when_it_answers_whatever_it_says(
    tmp_path: Path, first: str
) -> None:
    world = World()
    world.silent = {"/x", "/y"}
    async with writing(world, tmp_path, most_pause=60.0) as writer:
        for key in "xy":
            writer.put(key, write(1, f"/{key}"))
        await until(lambda: world.outcomes["failed"] >= 6)  # the next try of the one that failed last is 1 s away
        world.silent.clear()
        world.answers = [answer(b"{}", first)]
        answered = time.monotonic()
        writer.put("z", write(2, "/z"))
        await until(lambda: not writer.waits("x") and not writer.waits("y"))
    assert time.monotonic() - answered < 0.8


async def test_what_a_server_asked_to_wait_waits_though_it_was_silent_meanwhile(tmp_path: Path) -> None:
    world = World(answer(b"{}", "429 Too Many Requests", "Retry-After: 3"))
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1, "/x"))
        await until(lambda: world.outcomes["failed"])
        world.silent = {"/y"}
        writer.put("y", write(1, "/y"))
        await until(lambda: world.outcomes["failed"] == 3)
        world.silent.clear()
        assert await writer.drain(5)
    times = [at for (path, _), at in zip(world.came, world.times, strict=True) if path.startswith("/x")]
    assert len(times) == 2
    assert times[1] - times[0] >= 2.95


async def test_an_object_that_alone_gets_no_answer_is_not_hurried_on_by_those_of_others(tmp_path: Path) -> None:
    world = World()
    world.silent = {"/x"}
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1, "/x"))
        for number in range(80):
            writer.put("y", write(number, "/y"))
            assert await writer.drain(0.02) is False
    assert world.outcomes["written"] > 40
    assert 2 <= world.outcomes["failed"] <= 4


async def test_what_is_gone_or_another_is_not_written_again_nor_what_came_meanwhile(tmp_path: Path) -> None:
    world = World(answer(b"{}", "404 No"), answer(b"{}", "409 No"))
    world.go.clear()
    async with writing(world, tmp_path) as writer:
        for key in "xy":
            writer.put(key, write(1))
        await until(lambda: world.now == 2)
        for key in "xy":
            writer.put(key, write(2))
        world.go.set()
        assert await writer.drain(5)
    assert world.numbers == [1, 1]
    assert (sorted(world.ended), world.outcomes) == ([("x", 1), ("y", 1)], {"dropped": 2})


@pytest.mark.parametrize("status", ["503 No", "200 OK"])
async def test_who_is_forgotten_while_written_is_told_of_no_more_and_may_come_again(
    tmp_path: Path, status: str
) -> None:
    world = World(answer(b"{}", status))
    world.go.clear()
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1))
        await until(lambda: world.came)
        writer.keep({"y"})
        assert await writer.drain(0)
        writer.put("x", write(2))
        world.go.set()
        assert await writer.drain(5)
        await asyncio.sleep(0.7)  # the first would be repeated by then
    assert world.numbers == [1, 2]
    assert world.ended == [("x", 2)]


async def test_who_is_forgotten_while_in_the_queue_is_not_written_twice_when_it_comes_again(tmp_path: Path) -> None:
    world = World()
    async with writing(world, tmp_path) as writer:
        writer.put("x", write(1))
        writer.keep(set())
        writer.put("x", write(2))
        assert await writer.drain(5)
        writer.put("z", write(3))
        assert await writer.drain(5)
    assert world.numbers == [2, 3]
