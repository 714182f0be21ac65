"""Names, asked of a real DNS server on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nameserver import NameServer

from shield_proxy.wire.upstream.names import Names
from shield_proxy.wire.upstream.resolve import NEGATIVE, REMEMBERED, Resolver


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    async with NameServer() as running:
        yield running


@pytest_asyncio.fixture
async def resolver(server: NameServer) -> AsyncIterator[Resolver]:
    made = Resolver(Clock(), Names((server.address,)))
    yield made
    await made.close()


def at(resolver: Resolver, now: float) -> None:
    """Lets time come to that, and looks at what is due."""
    clock = resolver._clock
    assert isinstance(clock, Clock)
    clock.now = now
    resolver.sweep(now)


async def becomes(resolver: Resolver, host: str, addresses: tuple[str, ...]) -> None:
    """Looks at what is due, as time passes for the system's library too, until the name stands for these."""
    began = time.monotonic()
    async with asyncio.timeout(15):
        while await resolver.addresses(host) != addresses:
            at(resolver, time.monotonic() - began)
            await asyncio.sleep(0.02)


async def test_both_families_are_found(server: NameServer, resolver: Resolver) -> None:
    server.records["web.test"] = (60, ["10.0.0.1", "fd00::1"])
    assert set(await resolver.addresses("web.test")) == {"10.0.0.1", "fd00::1"}


async def test_addresses_and_the_hosts_file_need_no_server(server: NameServer, resolver: Resolver) -> None:
    assert await resolver.addresses("192.0.2.1") == ("192.0.2.1",)
    assert await resolver.addresses("fd00:0::1") == ("fd00::1",)
    assert "127.0.0.1" in await resolver.addresses("localhost")
    assert server.asked == []


async def test_equal_questions_at_one_time_are_one(server: NameServer, resolver: Resolver) -> None:
    server.records["web.test"] = (60, ["10.0.0.1"])
    assert await asyncio.gather(*(resolver.addresses("web.test") for _ in range(20))) == [("10.0.0.1",)] * 20
    assert server.asked == ["web.test"]


async def test_an_answer_is_used_as_long_as_its_owner_allows_then_asked_for_in_the_background(
    server: NameServer, resolver: Resolver
) -> None:
    server.records["web.test"] = (1, ["10.0.0.1"])
    await resolver.addresses("web.test")
    heard: list[tuple[str, tuple[str, ...]]] = []
    resolver.on_change = lambda host, addresses: heard.append((host, addresses))
    server.records["web.test"] = (60, ["10.0.0.2"])
    at(resolver, 0.9)
    assert await resolver.addresses("web.test") == ("10.0.0.1",)
    assert server.asked == ["web.test"]
    server.silent = True
    at(resolver, 1.1)
    assert await resolver.addresses("web.test") == ("10.0.0.1",), "nobody waits for what is known"
    server.silent = False
    await becomes(resolver, "web.test", ("10.0.0.2",))
    assert heard == [("web.test", ("10.0.0.2",))]


async def test_while_the_server_fails_the_last_answer_is_used(server: NameServer, resolver: Resolver) -> None:
    server.records["web.test"] = (5, ["10.0.0.1"])
    await resolver.addresses("web.test")
    server.failing = True
    for now in (10, 20, 30):
        at(resolver, now)
        async with asyncio.timeout(30):
            while resolver._running:
                await asyncio.sleep(0.01)
        assert await resolver.addresses("web.test") == ("10.0.0.1",)


async def test_a_name_that_does_not_exist_is_asked_for_again_soon_but_not_each_time(
    server: NameServer, resolver: Resolver
) -> None:
    for _ in range(5):
        assert await resolver.addresses("new.test") == ()
    asked = len(server.asked)
    server.records["new.test"] = (60, ["10.0.0.1"])
    at(resolver, NEGATIVE / 2)
    assert await resolver.addresses("new.test") == ()
    assert len(server.asked) == asked
    at(resolver, NEGATIVE + 0.1)
    assert await resolver.addresses("new.test") == ("10.0.0.1",)


async def test_a_name_that_ceases_to_exist_stands_for_nothing(server: NameServer, resolver: Resolver) -> None:
    server.records["web.test"] = (1, ["10.0.0.1"])
    await resolver.addresses("web.test")
    del server.records["web.test"]
    await becomes(resolver, "web.test", ())


async def test_names_that_nobody_uses_are_forgotten(server: NameServer, resolver: Resolver) -> None:
    server.records["web.test"] = (5, ["10.0.0.1"])
    await resolver.addresses("web.test")
    at(resolver, REMEMBERED + 1)
    assert resolver._known == {}
    assert server.asked == ["web.test"]


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", "é" * 70])
async def test_what_can_not_be_a_name_resolves_to_nothing(resolver: Resolver, name: str) -> None:
    assert await resolver.addresses(name) == ()
