"""L2: the Redis of the data centre. It is a cache: gone, slow or full it costs a moment, never a request."""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Protocol

import hiredis

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.codec import VaryNames, encode_entry, encode_vary, redis_key, time_to_live
from shield_proxy.store.lookup import LEAST_WAIT, Found, Lookup, asking, read_replies
from shield_proxy.store.resp import RedisConnection, RedisFailed, pack
from shield_proxy.wire.fast.plain import variation
from shield_proxy.wire.http.message import Index
from shield_proxy.wire.upstream.breaker import Breaker, BreakerLimits, Phase

LEAST, MOST = 0.02, 0.25
"""Seconds a lookup may take: half of what the next hop takes, within these."""
WRITE_SECONDS = 5.0
QUEUED = 8 << 20
"""Bytes on their way to Redis, beyond which nothing more is stored."""
FULL_PAUSE = 1.0
"""Seconds without storing after Redis refused to."""
PATIENT = BreakerLimits(failures=3, first=0.5, longest=10.0)
"""What fails costs the request a moment only: it is tried again soon."""


class OperationCounter(Protocol):
    """Counts by result."""

    def add_kind(self, name: str, kind: str, amount: int = 1) -> None:
        """One more."""
        ...


class Level2:
    """Lookups on one connection, stores on another, so that large values do not hold up lookups."""

    def __init__(
        self,
        host: str,
        port: int,
        password: str | None,
        largest: int,
        clock: Callable[[], float],
        counters: OperationCounter,
    ) -> None:
        self._address = (host, port)
        self._password = password
        self._largest = largest
        self._clock = clock
        self._counters = counters
        self._reading, self._writing = Breaker(PATIENT), Breaker(PATIENT)
        self._failed_at = {self._reading: float("-inf"), self._writing: float("-inf")}
        self._connections: dict[str, RedisConnection] = {}
        self._connecting: dict[str, asyncio.Task[RedisConnection]] = {}
        self._next_hop: float | None = None
        self._full_until = 0.0
        self._writes: set[asyncio.Task[None]] = set()

    def use_password(self, password: str | None) -> None:
        """Connections made from now on are opened with it; one that fails is made anew."""
        self._password = password

    @property
    def bypassed(self) -> bool:
        """Lookups are not made, because of failures."""
        return self._reading.phase is not Phase.CLOSED

    @property
    def patience(self) -> float:
        """Seconds a lookup may take."""
        return MOST if self._next_hop is None else min(MOST, max(LEAST, self._next_hop / 2))

    def learn_next_hop(self, seconds: float) -> None:
        """What a fetch took: half of it is what a lookup is worth."""
        known = seconds if self._next_hop is None else self._next_hop
        self._next_hop = known + (seconds - known) / 8

    async def get(self, key: bytes, request: Index, now: float) -> StoredResponse | None:
        """The stored response a request selects, fresh or stale; None also whenever Redis fails."""
        if not self._reading.usable(now):
            self._count("bypassed")
            return None
        self._reading.claim(now)
        deadline = asyncio.get_running_loop().time() + self.patience
        try:
            found = await self._look_up(redis_key(key), key, b"", deadline)
            if isinstance(found, VaryNames):
                selected = variation(found.names, request)
                found = await self._look_up(redis_key(key, selected), key, selected, deadline)
        except RedisFailed as error:
            self._failed(self._reading, str(error), now)
            return None
        self._reading.succeeded(now)
        if not isinstance(found, StoredResponse):
            self._count("miss")
            return None
        self._count("hit")
        return found

    def look_up(self, key: bytes, request: Index, now: float, told: Callable[[StoredResponse | None], None]) -> bool:
        """As get(), for a callback: whether it will be called. Not where get() would have to connect first, or try."""
        connection = self._connections.get("read")
        if connection is None or not connection.usable or self.bypassed:
            return False
        Lookup(connection, key, request, now + self.patience, self._clock, self._ended, told).begin(self._clock())
        return True

    def _ended(self, result: str, asked: float) -> None:
        if result == "failed":
            self._failed(self._reading, "lookup", asked)
            return
        self._reading.succeeded(asked)
        self._count(result)

    def _failed(self, breaker: Breaker, cause: str, asked: float) -> None:
        """What was asked before the last failure fails with it: a moment in which Redis stalls is one failure, however
        many wait."""
        self._count("failed")
        now = self._clock()
        if asked >= self._failed_at[breaker]:
            self._failed_at[breaker] = now
            breaker.failed(now, cause, random.random())  # noqa: S311 - spreads the trials of many pods

    async def _look_up(self, name: bytes, key: bytes, selected: bytes, deadline: float) -> Found:
        connection = await self._connection("read", deadline)
        left = deadline - asyncio.get_running_loop().time()
        replies = await connection.ask(asking(name), 2, max(LEAST_WAIT, left))
        return read_replies(replies, key, selected, self._clock())

    def put(self, stored: StoredResponse, now: float) -> None:
        """Stores it in the background, if that is of use and Redis keeps up."""
        live = time_to_live(stored, now)
        if len(stored.body) > self._largest or live <= 0:
            return
        name = redis_key(stored.key, stored.variation if stored.vary else None)
        commands = [pack("SET", name, encode_entry(stored, now, live), "PX", live)]
        if stored.vary:
            record = encode_vary(stored.key, stored.vary)
            commands.append(pack("SET", redis_key(stored.key), record, "PX", live))
        self._write(commands, now)

    def remove(self, key: bytes) -> None:
        """Removes the key, and so the way to its variants."""
        self._write([pack("UNLINK", redis_key(key))], self._clock())

    def _write(self, commands: list[bytes], now: float) -> None:
        connection = self._connections.get("write")
        queued = connection.queued if connection is not None else 0
        if now < self._full_until or queued > QUEUED or len(self._writes) > 1000 or not self._writing.usable(now):
            self._count("dropped")
            return
        self._writing.claim(now)
        packed = b"".join(commands)
        if connection is not None and connection.usable:
            connection.send(packed, len(commands), WRITE_SECONDS, partial(self._written, now))
            return
        task = asyncio.get_running_loop().create_task(self._send(packed, len(commands), now))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _send(self, packed: bytes, replies: int, asked: float) -> None:
        try:
            connection = await self._connection("write", asyncio.get_running_loop().time() + WRITE_SECONDS)
            self._written(asked, await connection.ask(packed, replies, WRITE_SECONDS))
        except RedisFailed:
            self._written(asked, None)

    def _written(self, asked: float, answers: list[object] | None) -> None:
        if answers is None:
            self._failed(self._writing, "store", asked)
            return
        self._writing.succeeded(asked)
        if any(isinstance(answer, hiredis.HiredisError) for answer in answers):
            self._full_until = self._clock() + FULL_PAUSE
            self._count("refused")
        else:
            self._count("stored")

    async def _connection(self, use: str, deadline: float) -> RedisConnection:
        connection = self._connections.get(use)
        if connection is not None and connection.usable:
            return connection
        task = self._connecting.get(use)
        if task is None:
            task = self._connecting[use] = asyncio.get_running_loop().create_task(self._connect(use))
            task.add_done_callback(lambda done: self._connected(use, done))
        left = deadline - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait((task,), timeout=max(0.0, left))
        if not done:
            raise RedisFailed("connecting takes too long")
        return task.result()

    def _connected(self, use: str, task: "asyncio.Task[RedisConnection]") -> None:
        self._connecting.pop(use, None)
        if not task.cancelled() and task.exception() is None:
            self._connections[use] = task.result()

    async def _connect(self, use: str) -> RedisConnection:
        loop = asyncio.get_running_loop()
        connection = RedisConnection()
        try:
            async with asyncio.timeout(2.0):
                await loop.create_connection(lambda: connection, *self._address)
                if self._password is not None:
                    auth = pack("AUTH", self._password)
                    (answer,) = await connection.ask(auth, 1, 2.0)
                    if isinstance(answer, hiredis.HiredisError):
                        raise RedisFailed(f"{use}: {answer}")
        except (OSError, TimeoutError) as error:
            connection.cut()
            raise RedisFailed(str(error)) from error
        except BaseException:
            connection.cut()
            raise
        return connection

    def _count(self, result: str) -> None:
        self._counters.add_kind("shield_redis_operations_total", result)

    async def close(self) -> None:
        """Ends connections, and stores that run."""
        tasks = (*self._writes, *self._connecting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self._connections.values():
            connection.cut()
