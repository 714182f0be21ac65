"""Posts the samples of a run to an analytics service: in batches, with patience, and never in the way of probes."""

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from shield_proxy.config.checks.feed import AUTHORITIES, CONTENT_TYPE, SCHEMA, SCHEMA_FIELD, TOKEN, Sink
from shield_proxy.config.checks.hostnames import read_address
from shield_proxy.config.version import VERSION
from shield_proxy.kube.errors import Unreachable
from shield_proxy.kube.line import LIMITS, Line
from shield_proxy.process.backlog import MOST_BATCH, Backlog, Fate
from shield_proxy.wire.http.serialise import field_lines, request_bytes
from shield_proxy.wire.tls.verifying import verify_servers
from shield_proxy.wire.upstream.dial import dial, interleaved
from shield_proxy.wire.upstream.failures import NotAnswered, UpstreamFailed

DRAIN_SECONDS = 3.0
"""That what waits at a run's end has."""
MOST_TOKEN = 16 << 10
AGAIN = frozenset((401, 403, 404, 408, 409, 421, 425, 429))
"""Statuses beside 5xx after which the same request may succeed: tokens are renewed, services are deployed."""
log = logging.getLogger(__name__)

LookUp = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds."""

    batch: float = 5.0
    """That a sample waits for others, at most."""
    post: float = 10.0
    """That a request may take, names and connection included."""
    least: float = 1.0
    """Between two tries; twice as many after each that failed."""
    most: float = 60.0


UNHURRIED = Pace()


@dataclass(frozen=True, slots=True)
class Access:
    """Where samples go, and by what right."""

    sink: Sink
    directory: Path
    """With the token, and maybe the authorities."""
    authorities: str | None = None
    """PEM; None: the machine's."""

    def token(self) -> str:
        """As it is now. OSError; ValueError where it is none."""
        with (self.directory / TOKEN).open("rb") as file:
            token = file.read(MOST_TOKEN).decode("ascii").strip()
        if not token or not token.isprintable():
            raise ValueError("the token is empty or malformed")
        return token

    def trusted(self) -> str | None:
        """PEM of who may vouch for the server, as it is now. OSError, ValueError."""
        own = self.directory / AUTHORITIES
        return own.read_text("ascii") if own.exists() else self.authorities

    def trust(self, authorities: str | None) -> ssl.SSLContext:
        """TLS that takes servers of these authorities. OSError, ValueError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        verify_servers(context, authorities)
        return context


class Feed:
    """Runs from run() on, until that is cancelled; `close` before that sends what is left."""

    def __init__(self, access: Access, look_up: LookUp, pace: Pace = UNHURRIED) -> None:
        self._access, self._look_up, self._pace = access, look_up, pace
        self.backlog = Backlog()
        self._offered, self._full = asyncio.Event(), asyncio.Event()
        self._closing, self._sent = asyncio.Event(), asyncio.Event()
        self._trust: tuple[str | None, ssl.SSLContext] | None = None

    def offer(self, line: bytes) -> None:
        """It will be sent, if that is possible. Never waits."""
        self.backlog.offer(line)
        self._offered.set()
        if len(self.backlog) >= MOST_BATCH:
            self._full.set()

    async def close(self, seconds: float) -> None:
        """What waits was sent, or so many seconds are over; the rest is counted as lost."""
        for event in (self._closing, self._offered, self._full):
            event.set()
        await _either(self._sent, seconds)

    def lost(self) -> int:
        """Samples that are given up now that run() has ended."""
        return self.backlog.end()

    async def run(self) -> None:
        """Returns when all is sent after close(); raises nothing."""
        pace = self._pace
        pause = pace.least
        while await self._gathered():
            batch = self.backlog.take()
            try:
                asked = await self._send(batch)
            except asyncio.CancelledError:
                self.backlog.put_back(batch)
                raise
            except Exception:  # a fault here must not end probes
                log.exception("samples were lost by a fault of the prober")
                self.backlog.settle(batch, Fate.FAULT)
                asked = None
            if asked is None:
                pause = pace.least
                continue
            if self._closing.is_set():
                break  # a second try would hold up the run's end
            await _either(self._closing, max(asked, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load
            pause = min(pace.most, pause * 2)
        self._sent.set()

    async def _gathered(self) -> bool:
        """A batch is ready; False: none will be."""
        while not len(self.backlog):
            if self._closing.is_set():
                return False
            self._offered.clear()
            await self._offered.wait()
        if len(self.backlog) < MOST_BATCH and not self._closing.is_set():
            self._full.clear()
            await _either(self._full, self._pace.batch)
        return True

    async def _send(self, batch: Sequence[bytes]) -> float | None:
        """None: the batch is settled. Else it waits again, and these are the seconds that the server asks for."""
        try:
            async with asyncio.timeout(self._pace.post):
                status, asked = await self._post(b"".join(batch))
        except (OSError, TimeoutError, ValueError, Unreachable, UpstreamFailed, NotAnswered) as error:
            self.backlog.posts["error"] += 1
            log.warning("samples were not delivered to %s: %s", self._access.sink.authority, _told(error))
            self.backlog.put_back(batch)
            return 0.0
        self.backlog.posts["ok" if 200 <= status < 300 else str(status)] += 1
        if 200 <= status < 300:
            self.backlog.settle(batch, Fate.DELIVERED)
            return None
        log.warning("samples were not taken by %s: status %d", self._access.sink.authority, status)
        if status >= 500 or status in AGAIN:
            self.backlog.put_back(batch)
            return asked
        self.backlog.settle(batch, Fate.REFUSED)
        return None

    async def _post(self, body: bytes) -> tuple[int, float]:
        sink = self._access.sink
        fields = (
            ("Host", sink.authority),
            ("Authorization", f"Bearer {self._access.token()}"),
            ("User-Agent", f"shield-proxy/{VERSION}"),
            ("Content-Type", CONTENT_TYPE),
            (SCHEMA_FIELD, SCHEMA),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        )
        lines = field_lines((name.encode("ascii"), value.encode("ascii")) for name, value in fields)
        line = await self._connect()
        try:
            head = await line.ask(request_bytes(b"POST", sink.target.encode("ascii"), lines) + body, b"POST")
        finally:
            line.close()  # what else the server says is of no interest
        after = head.index.get(b"retry-after", b"")
        return head.status, min(self._pace.most, float(after)) if after.isdigit() else 0.0

    async def _connect(self) -> Line:
        sink, authorities = self._access.sink, self._access.trusted()
        if self._trust is None or self._trust[0] != authorities:
            self._trust = authorities, self._access.trust(authorities)
        literal = read_address(sink.host)
        addresses = [str(literal)] if literal is not None else interleaved(await self._look_up(sink.host), None)
        sock, _ = await dial(addresses, sink.port, self._pace.post)
        try:
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=self._trust[1], server_hostname=sink.host, limit=LIMITS.head
            )
        except BaseException:
            sock.close()
            raise
        return Line(reader, writer)


@asynccontextmanager
async def feeding(feed: Feed, drain: float = DRAIN_SECONDS) -> AsyncIterator[None]:
    """Samples are sent within the block; at its end those that wait, for so many seconds at most."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        try:
            yield
            await feed.close(drain)
        finally:
            running.cancel()
    lost = feed.lost()
    if lost:
        log.warning("%d samples could not be delivered before the run ended", lost)


async def _either(event: asyncio.Event, seconds: float) -> None:
    """It has come, or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _told(error: BaseException) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)
