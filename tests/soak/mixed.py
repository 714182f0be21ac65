"""Everything at once for a long time: hits, misses, uploads, ranges, revalidations, aborts, messages, and restarts."""

import asyncio
import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from world.client import Client, Response
from world.processes import Tier, Tiers
from world.site import FILE, Site

from soak.samples import Samples

WORKERS = 8
PAUSE = 0.02
"""Seconds of rest between two requests of a worker: the load is there to find leaks, not limits."""
RESTART = float(os.environ.get("SOAK_RESTART_SECONDS", "15"))
UNREPEATABLE = ("put", "stream", "messages")
UPLOAD = os.urandom(200_000)
DIGEST = hashlib.sha256(UPLOAD).hexdigest().encode()


class Load:
    """Workers that ask one thing after another; what failed is counted by kind."""

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.examples: list[str] = []
        self._number = 0
        self._kinds: list[tuple[str, int, Callable[[Client], Awaitable[bool]]]] = [
            ("hit", 30, self._hit),
            ("miss", 20, self._miss),
            ("revalidation", 10, self._revalidation),
            ("range", 10, self._range),
            ("stream", 5, self._stream),
            ("put", 8, self._put),
            ("head", 5, self._head),
            ("abort", 6, self._abort),
            ("abort of an upload", 3, self._abort_upload),
            ("messages", 3, self._messages),
        ]

    async def work(self, until: float) -> None:
        """One worker, on one connection for as long as it lasts."""
        names, weights, asks = zip(*self._kinds, strict=True)
        client: Client | None = None
        while time.monotonic() < until:
            which = random.choices(range(len(names)), weights)[0]
            keeps = False
            try:
                async with asyncio.timeout(30):
                    client = client or await Client.connect(("127.0.0.1", self._tiers.port))
                    keeps = await asks[which](client)
                self.done[names[which]] += 1
            except (OSError, EOFError, AssertionError, TimeoutError) as failure:
                self.failed[names[which]] += 1
                if len(self.examples) < 20:
                    self.examples.append(f"{time.strftime('%X')} {names[which]}: {failure!r:.300}")
            if client is not None and not keeps:
                client.writer.transport.abort()
                client = None
            await asyncio.sleep(PAUSE)
        if client is not None:
            client.writer.transport.abort()

    async def _ask(
        self, client: Client, target: str, *fields: tuple[str, str], status: int = 200, **more: object
    ) -> Response:
        response = await client.ask(target, *fields, **more)  # type: ignore[arg-type]
        assert response.status == status, (response.status, response.body[:200])
        return response

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _hit(self, client: Client) -> bool:
        response = await self._ask(
            client, random.choice(("/small", "/style.css", "/file", f"/small?{self._number % 50}"))
        )
        return response.values("connection") != ["close"]

    async def _miss(self, client: Client) -> bool:
        target = f"/echo?{self._next()}"
        response = await self._ask(client, target)
        assert response.body == b"GET %s\n" % target.encode()
        return response.values("connection") != ["close"]

    async def _revalidation(self, client: Client) -> bool:
        response = await self._ask(client, "/small", ("Cache-Control", "no-cache"))
        return response.values("connection") != ["close"]

    async def _range(self, client: Client) -> bool:
        start = random.randrange(len(FILE) - 1000)
        response = await client.ask("/file", ("Range", f"bytes={start}-{start + 999}"))
        # One far into a cold object is passed on, and this origin answers with the whole.
        whole = {206: FILE[start : start + 1000], 200: FILE}
        assert response.body == whole.get(response.status), response.status
        return response.values("connection") != ["close"]

    async def _stream(self, client: Client) -> bool:
        response = await self._ask(client, "/stream")
        assert len(response.body) == 655360
        return response.values("connection") != ["close"]

    async def _put(self, client: Client) -> bool:
        response = await self._ask(client, "/digest", method="PUT", body=UPLOAD)
        assert response.body == DIGEST
        return response.values("connection") != ["close"]

    async def _head(self, client: Client) -> bool:
        response = await self._ask(client, f"/small?head={self._next() % 1000}", method="HEAD")
        return response.values("connection") != ["close"]

    async def _abort(self, client: Client) -> bool:
        client.send(f"GET /stream?{self._next()} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
        await client.reader.read(random.choice((1, 1000, 100_000)))
        return False

    async def _abort_upload(self, client: Client) -> bool:
        client.send(b"PUT /digest HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 200000\r\n\r\n")
        client.send(UPLOAD[: random.randrange(1, 150_000)])
        await asyncio.sleep(0.01)
        return False

    async def _messages(self, client: Client) -> bool:
        client.send(b"GET /socket HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
        client.send(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        for _ in range(5):
            client.send(b"\x81\x85\x00\x00\x00\x00hello")
            assert await client.reader.readexactly(7) == b"\x81\x05hello"
        return False


async def _restarts(tiers: Tiers, site: Site, until: float) -> Counter[str]:
    """Ends and starts upper tiers and the origin in turn: asked to, or killed; one of two uppers always runs."""
    count: Counter[str] = Counter()
    turn = 0
    while time.monotonic() + RESTART < until:
        await asyncio.sleep(RESTART)
        upper = tiers.all[1 + turn % 2]
        if turn % 3 == 2:
            site.hang_up_idle()
            count["the origin closed its idle connections"] += 1
        else:
            await asyncio.to_thread(_restart, upper, kill=turn % 6 == 4)
            count["an upper was killed" if turn % 6 == 4 else "an upper was restarted"] += 1
        turn += 1
    return count


def _restart(tier: Tier, kill: bool) -> None:
    if kill and tier.process is not None:
        tier.process.kill()
        tier.process.wait()
        tier.process = None
    tier.stop()
    tier.start()


async def measure(directory: Path, minutes: float) -> list[str]:
    """Faults found; prints figures."""
    site = Site()
    await site.start()
    tiers = Tiers(directory, site.port, uppers=2, memory="8Mi", maxObject="2Mi")  # full soon: growth is a leak then
    await asyncio.to_thread(tiers.start)
    try:
        until = time.monotonic() + minutes * 60
        load, samples = Load(tiers), Samples(tiers)
        watching = asyncio.create_task(samples.watch(until))
        restarting = asyncio.create_task(_restarts(tiers, site, until))
        await asyncio.gather(*(load.work(until) for _ in range(WORKERS)))
        happenings = await restarting
        for happened, times in happenings.items():
            print(f"  {happened} {times} times")
        await watching
        print(f"  {sum(load.done.values())} answered: {dict(load.done)}")
        print(f"  {sum(load.failed.values())} failed: {dict(load.failed)}")
        for example in load.examples:
            print(f"    {example}")
        # What a killed process had in hand can be asked again only if it had no body and no answer had begun.
        spared = happenings["an upper was killed"]
        faults = [
            f"{count} of {kind} failed"
            for kind, count in load.failed.items()
            if kind not in UNREPEATABLE or count > WORKERS * spared
        ]
        for tier in tiers.all:
            _, found, rest = tier.log().partition("Traceback")
            faults += [f"{tier.name} has logged: {found}{rest[:4000]}"] if found else []
        return faults + await samples.verdict()
    finally:
        await asyncio.to_thread(tiers.stop)
        await site.stop()
