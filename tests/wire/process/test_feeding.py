"""Samples on their way to an analytics service: a real HTTPS server that is slow, refuses, hangs, closes, recovers."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from health.servers import Behaviour, context_of, encrypted, read_head, reset, serving
from world.certificates import Authority

from shield_proxy.config.checks.feed import Probed, read_sink, sample_line
from shield_proxy.config.checks.sample import Sample
from shield_proxy.process.backlog import MOST_BATCH, MOST_WAITING, Fate
from shield_proxy.process.feeding import Access, Feed, Pace, feeding

HASTE = Pace(batch=0.05, post=3.0, least=0.05, most=0.2)
PROBED = Probed("shop", "origin", "0" * 32, "eu", "eu/a")


@dataclass
class Service:
    """Takes what is posted, after the behaviours that were given, one for each connection."""

    port: int = 0
    first: list[Behaviour] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    taken: list[dict[str, object]] = field(default_factory=list)
    changed: threading.Event = field(default_factory=threading.Event)

    def behave(self, sock: socket.socket) -> None:
        """One connection."""
        if self.first:
            self.first.pop(0)(sock)
        else:
            self.take(sock)

    def take(self, sock: socket.socket) -> None:
        """A whole request."""
        self.read(sock)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def read(self, sock: socket.socket) -> None:
        """Its head and body are kept."""
        received = read_head(sock)
        head, _, body = received.partition(b"\r\n\r\n")
        text = head.decode()
        length = int(text.lower().split("content-length: ")[1].split()[0])
        while len(body) < length:
            body += sock.recv(1 << 16)
        self.heads.append(text)
        self.taken += [json.loads(line) for line in body.splitlines()]

    def answers(self, head: str) -> Behaviour:
        """Reads a request, and has it nowhere."""

        def behave(sock: socket.socket) -> None:
            count = len(self.taken)
            self.read(sock)
            del self.taken[count:]
            sock.sendall(head.encode() + b"\r\nContent-Length: 0\r\n\r\n")

        return behave


def hang(sock: socket.socket) -> None:
    """Reads, and never answers."""
    while sock.recv(1 << 16):
        pass


def close(sock: socket.socket) -> None:
    """Ends the connection in the middle of the request."""
    sock.recv(10)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def service(authority: Authority, tmp_path: Path) -> Iterator[Service]:
    made = Service()
    context = context_of(authority.issue(tmp_path / "server", "127.0.0.1"))
    with serving(lambda sock: encrypted(context, made.behave)(sock)) as server:
        made.port = server.port
        yield made


@pytest.fixture
def access(service: Service, authority: Authority, tmp_path: Path) -> Access:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "token").write_text("t0k3n\n")
    return Access(read_sink(f"https://127.0.0.1:{service.port}/v1/samples?cluster=a"), folder, authority.pem)


async def look_up(host: str) -> Sequence[str]:
    raise AssertionError(f"{host} is an address")


def line(number: int) -> bytes:
    return sample_line(PROBED, Sample(1_700_000_000.0 + number, None, code=200))


async def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def fed(access: Access, pace: Pace = HASTE, drain: float = 3.0) -> AsyncIterator[Feed]:
    feed = Feed(access, look_up, pace)
    async with feeding(feed, drain):
        yield feed


async def test_samples_are_posted_together_with_what_the_service_needs(service: Service, access: Access) -> None:
    async with fed(access) as feed:
        for number in range(3):
            feed.offer(line(number))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 3)
    (head,) = service.heads
    first, *fields = head.split("\r\n")
    assert first == "POST /v1/samples?cluster=a HTTP/1.1"
    assert f"Host: 127.0.0.1:{service.port}" in fields
    assert "Authorization: Bearer t0k3n" in fields
    assert "Content-Type: application/x-ndjson" in fields
    assert "Shield-Samples-Schema: 1" in fields
    assert [each["at"] for each in service.taken] == [f"2023-11-14T22:13:2{i}.000Z" for i in range(3)]
    assert service.taken[0] == {
        "namespace": "shop",
        "check": "origin",
        "id": "0" * 32,
        "region": "eu",
        "dataCenter": "eu/a",
        "at": "2023-11-14T22:13:20.000Z",
        "healthy": True,
        "code": 200,
        "attempts": 1,
    }


async def test_many_samples_are_sent_at_once_and_no_more_than_that(service: Service, access: Access) -> None:
    async with fed(access, Pace(batch=30.0)) as feed:
        for number in range(MOST_BATCH + 1):
            feed.offer(line(number))
        await until(lambda: len(service.heads) == 1)
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == MOST_BATCH)
        assert len(feed.backlog) == 1
    assert len(service.taken) == MOST_BATCH + 1


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


async def test_nothing_is_told_to_a_server_that_nobody_vouches_for(service: Service, access: Access) -> None:
    stranger = Access(access.sink, access.directory, Authority("another").pem)
    async with fed(stranger, drain=0.5) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 2)
    assert (service.heads, feed.backlog.fates[Fate.UNSENT]) == ([], 1)


async def test_authorities_of_the_folder_go_first_and_are_read_again(
    service: Service, access: Access, authority: Authority
) -> None:
    (access.directory / "ca.crt").write_text(Authority("another").pem)
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 1)
        (access.directory / "ca.crt").write_text(authority.pem)
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)


async def test_a_token_that_was_renewed_is_used(service: Service, access: Access) -> None:
    (access.directory / "token").unlink()
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 1)
        (access.directory / "token").write_text("second")
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)
        (access.directory / "token").write_text("third")
        feed.offer(line(2))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 2)
    tokens = [head.split("Authorization: Bearer ")[1].split("\r\n")[0] for head in service.heads]
    assert tokens == ["second", "third"]


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


async def test_names_are_asked_of_the_resolver_of_probes(authority: Authority, tmp_path: Path, access: Access) -> None:
    async def answer(host: str) -> Sequence[str]:
        assert host == "analytics.test"
        return ("127.0.0.1",)

    service = Service()
    context = context_of(authority.issue(tmp_path / "named", "analytics.test"))
    with serving(lambda sock: encrypted(context, service.behave)(sock)) as server:
        sink = read_sink(f"https://analytics.test:{server.port}/")
        feed = Feed(Access(sink, access.directory, authority.pem), answer, HASTE)
        async with feeding(feed):
            feed.offer(line(1))
            await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)


def test_tls_is_as_new_as_that_of_probes(access: Access) -> None:
    assert access.trust(access.trusted()).minimum_version is ssl.TLSVersion.TLSv1_2
