"""Connections to upstreams, kept open and reused, the one used last first. It owns every connection it makes.

Of each endpoint there are as many as may be; who comes then waits in line for one that becomes free. So few
connections carry the load that the others are idle, and close.
"""

import asyncio
from collections.abc import Callable

from shield_proxy.wire.upstream.connect import open_connection
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint, TlsIdentity
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.limits import UpstreamLimits
from shield_proxy.wire.upstream.resolve import Resolver
from shield_proxy.wire.upstream.retrybudget import RetryBudget
from shield_proxy.wire.upstream.waiting import Line

__all__ = ["Connecting", "Endpoint", "Pool", "TlsIdentity"]
FORGET = 60.0
"""Seconds after its last connection that an endpoint's figures are kept."""


class _Site:
    """What is kept for an endpoint."""

    __slots__ = ("asked", "budget", "count", "endpoint", "idle", "line", "most", "quiet_since")

    def __init__(self, endpoint: Endpoint, now: float) -> None:
        self.endpoint = endpoint
        self.idle: list[UpstreamConnection] = []
        """By their last use, the latest at the end."""
        self.count = 0
        """Connections that are open or being made, and places promised to waiters."""
        self.most = 0
        self.line: Line[UpstreamConnection | None] = Line()
        """A waiter is given a connection, or the place for one (None)."""
        self.asked = 0
        self.budget = RetryBudget(now)
        self.quiet_since = now


class Pool:
    """All upstream connections of a process."""

    def __init__(self, limits: UpstreamLimits, clock: Callable[[], float], resolver: Resolver) -> None:
        self.limits = limits
        self._clock = clock
        self._resolver = resolver
        resolver.on_change = self._moved
        self._sites: dict[Endpoint, _Site] = {}
        self._where: dict[UpstreamConnection, _Site] = {}
        self._address: dict[UpstreamConnection, str] = {}
        self._retiring: set[UpstreamConnection] = set()
        self._families: dict[str, int] = {}
        self.opened = self.reused = self.waited = self.waiting = 0

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._where)

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return sum(len(site.idle) for site in self._sites.values())

    def take_idle(self, endpoint: Endpoint, used_since: float = float("-inf")) -> UpstreamConnection | None:
        """An open connection that waits for a request, if there is one that was used since then."""
        site = self._sites.get(endpoint)
        if site is None:
            return None
        site.asked += 1
        waiting = site.idle
        while waiting and waiting[-1].idle_since >= used_since:
            connection = waiting.pop()
            if connection.usable:
                self.reused += 1
                return connection
        return None

    def may_repeat(self, endpoint: Endpoint) -> bool:
        """Whether a request that was lost with its connection may be sent once more: see RetryBudget."""
        site = self._sites.get(endpoint)
        return site is None or site.budget.grant(site.asked, self._clock())

    async def connect(self, endpoint: Endpoint, how: Connecting) -> UpstreamConnection:
        """A connection for one request: a new one, or where there are as many as may be, one that another request
        frees in time. UpstreamFailed says why not."""
        site = self._site(endpoint)
        site.most = how.most
        given = await self._place(site, min(self.limits.wait, how.seconds))
        if given is not None:
            if not how.fresh:
                self.reused += 1
                return given
            self._forget(given)
            given.cut()  # its place is ours
        connection = UpstreamConnection(self.limits, self._clock, self._free, self._lost)
        self._where[connection] = site
        try:
            address = await open_connection(connection, endpoint, how, self._resolver, self._families)
        except BaseException:
            self._end(connection)
            raise
        self._address[connection] = address
        self.opened += 1
        return connection

    def _site(self, endpoint: Endpoint) -> _Site:
        site = self._sites.get(endpoint)
        if site is None:
            site = self._sites[endpoint] = _Site(endpoint, self._clock())
        return site

    # -- places

    async def _place(self, site: _Site, seconds: float) -> UpstreamConnection | None:
        """A free connection, or None: there is a place for a new one, and it is taken."""
        if not site.line and self._take_place(site):
            return None
        if len(site.line) >= self.limits.waiting:
            raise UpstreamFailed("exhausted", "too many wait")
        self.waited += 1
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                given = await self._turn(site, first=False)
                while given is not None and not given.usable:  # it broke on its way to us
                    given = None if self._take_place(site) else await self._turn(site, first=True)
                return given
        except TimeoutError:
            raise UpstreamFailed("exhausted", f"none became free in {seconds:.3g} s") from None
        finally:
            self.waiting -= 1

    async def _turn(self, site: _Site, *, first: bool) -> UpstreamConnection | None:
        waiter = site.line.join(first=first)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # served at the last moment: it is the next one's
                given = waiter.result()
                self._give_back(site) if given is None else self._free(given)
            raise
        finally:
            site.line.leave(waiter)
            del waiter  # it keeps what it raises, which leads to this frame

    def _take_place(self, site: _Site) -> bool:
        if site.count < site.most:
            site.count += 1
        elif site.idle:  # not good enough for who asks: its place is
            oldest = site.idle[0]
            self._forget(oldest)
            oldest.cut()
        else:
            return False
        return True

    def _give_back(self, site: _Site) -> None:
        """A place is free: the first who waits gets it."""
        if site.count > site.most or not site.line.serve(None):
            site.count -= 1
            site.quiet_since = self._clock()

    # -- what becomes of connections

    def _free(self, connection: UpstreamConnection) -> None:
        site = self._where.get(connection)
        if site is None or (self._retiring and connection in self._retiring):
            connection.cut()
        elif not (site.line.waiters and site.line.serve(connection)):
            idle = site.idle
            idle.append(connection)
            if len(idle) > self.limits.idle_per_address:
                self._end(idle[0])

    def _lost(self, connection: UpstreamConnection) -> None:
        if (site := self._forget(connection)) is not None:
            self._give_back(site)

    def _forget(self, connection: UpstreamConnection) -> _Site | None:
        site = self._where.pop(connection, None)
        if site is None:
            return None
        self._address.pop(connection, None)
        self._retiring.discard(connection)
        if connection in site.idle:
            site.idle.remove(connection)
        return site

    def _end(self, connection: UpstreamConnection) -> None:
        connection.cut()
        self._lost(connection)

    def fail_waiting(self, endpoint: Endpoint, kind: str) -> None:
        """Who waits for a connection there waits no more: there is no use in it."""
        if (site := self._sites.get(endpoint)) is not None:
            site.line.fail(lambda: UpstreamFailed(kind, "others failed so"))

    def retire(self, which: Callable[[Endpoint, str], bool]) -> None:
        """Connections whose endpoint and address it names serve no further request: idle ones end at once."""
        for connection, address in tuple(self._address.items()):
            site = self._where[connection]
            if which(site.endpoint, address):
                if connection in site.idle:
                    self._end(connection)
                else:
                    self._retiring.add(connection)

    def _moved(self, host: str, addresses: tuple[str, ...]) -> None:
        self.retire(lambda endpoint, address: endpoint.host == host and address not in addresses)

    def sweep(self, now: float) -> None:
        """Looks at every connection's deadline; call it several times a second."""
        self._resolver.sweep(now)
        for connection in tuple(self._where):
            connection.sweep(now)
        for site in tuple(self._sites.values()):
            while len(site.idle) > 1 and now - site.idle[0].idle_since > self.limits.surplus:
                self._end(site.idle[0])
            if not site.count and not site.line and now - site.quiet_since > FORGET:
                del self._sites[site.endpoint]
        self._make_room()

    def _make_room(self) -> None:
        surplus = self.idle - self.limits.idle_in_all
        if surplus > 0:
            idle = [connection for site in self._sites.values() for connection in site.idle]
            for connection in sorted(idle, key=lambda connection: connection.idle_since)[:surplus]:
                self._end(connection)

    def close(self) -> None:
        """Cuts every connection."""
        for connection in tuple(self._where):
            connection.cut()
