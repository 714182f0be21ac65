"""Names to addresses, remembered as long as their owners allow, and asked for again before anybody must wait."""

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Protocol

from shield_proxy.wire.upstream.failures import NotAnswered
from shield_proxy.wire.upstream.names import Answer, Names

LEAST, MOST = 1.0, 300.0
"""Seconds an answer is used, whatever its owner says."""
NEGATIVE = 2.0
"""Seconds that a name is believed not to exist."""
AGAIN = 2.0
"""Seconds after which a resolver that did not answer is asked again."""
REMEMBERED = 600.0
"""Seconds without use after which a name is asked for no more."""
MOST_NAMES, AT_ONCE = 10_000, 32


class Lookup(Protocol):
    """Who asks."""

    async def look_up(self, host: str) -> Answer:
        """See Names."""
        ...

    async def close(self) -> None:
        """Gives up lookups that run."""
        ...


class _Known:
    __slots__ = ("addresses", "until", "used")

    def __init__(self, now: float) -> None:
        self.addresses: tuple[str, ...] = ()
        self.until = self.used = now


class Resolver:
    """What names stand for. Only the first question for a name, and those for names that do not exist, wait for an
    answer; while the resolver fails the last answer goes on being used."""

    def __init__(self, clock: Callable[[], float], names: Lookup | None = None) -> None:
        self._clock = clock
        self._names: Lookup = names or Names()
        self._known: dict[str, _Known] = {}
        self._running: dict[str, asyncio.Task[tuple[str, ...]]] = {}
        self.on_change: Callable[[str, tuple[str, ...]], None] = _unheard
        """Told the addresses of a name that stood for others before."""

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The IP addresses of a name or of an address itself; none where the name does not resolve."""
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        now = self._clock()
        known = self._known.get(host)
        if known is not None:
            known.used = now
            if known.addresses or now < known.until:
                return known.addresses
        return await asyncio.shield(self._begin(host))

    def sweep(self, now: float) -> None:
        """Asks again for names whose answers may not be used much longer; call it several times a second."""
        for host, known in tuple(self._known.items()):
            if now < known.until or host in self._running:
                continue
            if not known.addresses or now - known.used > REMEMBERED:
                del self._known[host]
            elif len(self._running) < AT_ONCE:
                self._begin(host)

    def _begin(self, host: str) -> asyncio.Task[tuple[str, ...]]:
        task = self._running.get(host)
        if task is None:
            task = self._running[host] = asyncio.get_running_loop().create_task(self._look_up(host))
            task.add_done_callback(lambda _: self._running.pop(host, None))
        return task

    async def _look_up(self, host: str) -> tuple[str, ...]:
        known = self._known.get(host)
        before = known.addresses if known is not None else ()
        try:
            answer = await self._names.look_up(host)
        except NotAnswered:
            addresses, seconds = before, AGAIN
        else:
            addresses = answer.addresses
            seconds = min(MOST, max(LEAST, answer.seconds)) if addresses else NEGATIVE
        now = self._clock()
        if known is None:
            self._make_room()
            known = _Known(now)
        self._known[host] = known
        known.addresses, known.until = addresses, now + seconds
        if before and set(before) != set(addresses):
            self.on_change(host, addresses)
        return addresses

    def _make_room(self) -> None:
        if len(self._known) >= MOST_NAMES:
            longest_unused = min(self._known, key=lambda host: self._known[host].used)
            del self._known[longest_unused]

    async def close(self) -> None:
        """Gives up lookups that run."""
        tasks = tuple(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._names.close()


def _unheard(_host: str, _addresses: tuple[str, ...]) -> None:
    pass
