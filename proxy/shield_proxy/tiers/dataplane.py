"""One process of a tier: its ports, caches and upstream connections, from start to drain."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from shield_proxy.config.identity import Identity, PodIdentity
from shield_proxy.config.state import FleetState
from shield_proxy.store.level2 import Level2
from shield_proxy.tiers.answering.core import Core
from shield_proxy.tiers.answering.pipeline import Pipeline
from shield_proxy.tiers.clientports import ClientPorts
from shield_proxy.tiers.fetching.fetch import Fetcher
from shield_proxy.tiers.fetching.health import OF_PODS, Breakers, announcing
from shield_proxy.tiers.fetching.members import Members
from shield_proxy.tiers.load.pulse import Pulse
from shield_proxy.tiers.routing.nexthop import admits
from shield_proxy.tiers.routing.snapshot import compile_snapshot, turns
from shield_proxy.tiers.settings import Addresses, DataplaneSettings, RedisSettings
from shield_proxy.tiers.telemetry.accesslog import AccessLog, Write
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.tiers.telemetry.logformats import FORMATS
from shield_proxy.tiers.telemetry.tracing import Span, Tracer
from shield_proxy.wire.serving.doors import Room
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.server import ServerConnection
from shield_proxy.wire.serving.trusted import TrustedProxies, client_of
from shield_proxy.wire.tls.certificates import Certificates
from shield_proxy.wire.tls.hops import HopTls
from shield_proxy.wire.upstream.pool import Pool
from shield_proxy.wire.upstream.resolve import Resolver

__all__ = ["Dataplane", "DataplaneSettings", "RedisSettings"]
log = logging.getLogger(__name__)
TICK = 0.25
"""Seconds between looks at deadlines."""
MARKS = 16 << 10
"""Bytes that Via, CDN-Loop, X-Forwarded-* and private fields may add on the way."""
MOST_FIELDS = 300
REFRESH = 3.0
"""Seconds between lookups of Services."""


class Dataplane:
    """Make, use() a state, start(); at the end begin_drain(), drained(), close()."""

    def __init__(
        self,
        settings: DataplaneSettings,
        tls: HopTls | None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        write_log: Write = len,
    ) -> None:
        """`clock` is monotonic; `tls` may be None only where there is no hop port. `write_log` takes text of the access
        log without waiting (see accesslog.Write); by default it goes nowhere."""
        if settings.hop_listen and tls is None:
            raise ValueError("a hop port needs certificates")
        self._settings, self._tls, self._clock = settings, tls, clock
        self.counters = Counters(str(settings.tier))
        self._resolver = Resolver(clock)
        self._pool = Pool(settings.upstream, clock, self._resolver)
        self._pods = Breakers(OF_PODS, random.random, announcing(self.counters, "pod", clock))
        self._members = Members(self._resolver, self._pods)
        self._fetcher = Fetcher(settings, tls, self._pool, self._members, self._pods, clock, self.counters)
        redis = settings.redis
        self._level2 = (
            None
            if redis is None
            else Level2(redis.host, redis.port, redis.password, settings.redis_object_bytes, clock, self.counters)
        )
        trusted = TrustedProxies(settings.trusted_proxies)
        access_log = None
        if settings.access_log:
            render = FORMATS[settings.access_log_format](partial(client_of, trusted=trusted))
            access_log = AccessLog(write_log, render, settings.access_log_share)
        self._writing_log = False
        self._core = Core(settings, self._fetcher, self.counters, self._level2, access_log, clock, wall)
        clients = Pipeline(self._core, hop=False)
        self._fast = clients.fast
        self._client = ClientPorts(clients, settings, trusted, clock, self._core.memory.charge)
        # What a client may send, and our marks on it, must fit through every hop.
        head = replace(settings.server.head, head=settings.server.head.head + MARKS, fields=MOST_FIELDS)
        limits = replace(settings.server, head=head, body_rate=0, requests=0)  # the pod before decides who is too slow
        room = Room(settings.hop_connections)
        self._hop = Listener(
            ServerConnection, Pipeline(self._core, hop=True), limits, clock, tls=tls, accepts=self._accepts, room=room
        )
        self._ticking: asyncio.Task[None] | None = None
        self._pulse = Pulse(self._beat)
        self.looked_at = time.monotonic()
        """When deadlines were last looked at, on time.monotonic."""
        counters = self.counters
        counters.limits["memory_bytes"] = settings.memory_bytes
        counters.limits["object_bytes"] = self._core.largest_object
        counters.limits["filling_bytes"] = settings.memory_bytes // 2
        counters.limits["requests_running"] = settings.running
        counters.limits["request_followers"] = settings.followers
        counters.limits["client_connections"] = settings.server.connections + settings.hop_connections

    async def start(self) -> None:
        """Listens; requests get 503 until use() was called. OSError where an address is taken."""
        await self._client.listen()
        await self._hop.listen(self._settings.hop_listen)
        if self._hop.addresses:
            self._fetcher.own = (self._settings.address, self._hop.addresses[0][1])
        self._ticking = asyncio.get_running_loop().create_task(self._tick())
        self._pulse.start()

    @property
    def client_addresses(self) -> Addresses:
        """(host, port) that clients are answered on."""
        return self._client.addresses

    @property
    def client_tls_addresses(self) -> Addresses:
        """(host, port) that clients are answered on under TLS."""
        return self._client.tls_addresses

    @property
    def certificates(self) -> Certificates:
        """Of zones; somebody has to look at their files."""
        return self._client.certificates

    @property
    def hop_addresses(self) -> Addresses:
        """(host, port) that pods are answered on."""
        return self._hop.addresses

    def use(self, state: FleetState) -> None:
        """From now on requests are answered by this state; running ones end on the one they began with."""
        core, snapshot = self._core, compile_snapshot(state)
        if core.snapshot is not None and turns(core.snapshot, snapshot):
            core.fills.detach_unanswered()
        core.snapshot = snapshot
        self._client.use(state.zones)
        core.memory.drop_aliases()
        core.memory.retain(frozenset(zone.uid.encode() for zone in state.zones))
        self.counters.retain(frozenset(f"{zone.namespace}/{zone.name}" for zone in state.zones))
        self._members.watch(service for dc in state.data_centers for service in dc.services.values() if service)

    def trace(self, share: float, take: Callable[[Span], object]) -> None:
        """From now on `take` gets spans: see Tracer."""
        tracer = Tracer(share, take, self._core.wall)
        self._core.tracer = tracer
        self._fetcher.trace(tracer)

    def use_redis_password(self, password: str | None) -> None:
        """New connections to L2 are opened with it."""
        if self._level2 is not None:
            self._level2.use_password(password)

    def ring_owner(self, key: bytes) -> bool:
        """Whether this pod owns the key among the live pods of its tier and data centre."""
        snapshot = self._core.snapshot
        return snapshot is not None and self._fetcher.owner(key, snapshot) is None

    def begin_drain(self) -> None:
        """Requests are still taken, but every answer closes its connection."""
        self._client.begin_drain()
        self._hop.begin_drain()

    async def drained(self, seconds: float) -> bool:
        """Stops listening and waits for running requests; whether they all ended in time."""
        deadline = time.monotonic() + seconds
        for listener in (self._client, self._hop):
            listener.begin_drain()
            listener.stop_listening()
            listener.close_idle()
        tunnels_until = time.monotonic() + self._settings.tunnels.drain
        while self._core.busy or self._client.connections or self._hop.connections:
            if time.monotonic() >= deadline:
                return False
            if time.monotonic() >= tunnels_until:
                self._core.tunnels.end()
            await asyncio.sleep(0.02)
        return True

    async def close(self) -> None:
        """Ends everything that is left."""
        self._pulse.stop()
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        self._client.close()
        self._hop.close()
        self._core.tunnels.cut()
        await self._core.close()
        self._pool.close()
        if self._level2 is not None:
            await self._level2.close()
        await self._resolver.close()
        if self._core.access_log is not None:
            self._core.access_log.flush()

    def _accepts(self, identity: Identity | None) -> bool:
        """Hops are pods of this namespace and fleet, of this tier or one before it."""
        settings = self._settings
        return (
            isinstance(identity, PodIdentity)
            and (identity.namespace, identity.fleet) == (settings.namespace, settings.fleet)
            and admits(settings.tier, identity.tier)
        )

    async def _tick(self) -> None:
        """The only timer: deadlines, lookups, log and figures."""
        ticks = 0
        refreshing: asyncio.Task[None] | None = None
        try:
            while True:
                try:
                    self._look(ticks)
                except Exception:
                    log.exception("looking at deadlines failed")  # without deadlines nothing would be bounded
                if ticks % int(REFRESH / TICK) == 0 and (refreshing is None or refreshing.done()):
                    refreshing = asyncio.get_running_loop().create_task(self._members.refresh())
                ticks += 1
                await asyncio.sleep(TICK)
        finally:
            if refreshing is not None:
                refreshing.cancel()
                await asyncio.gather(refreshing, return_exceptions=True)

    def _look(self, ticks: int) -> None:
        core, now = self._core, self._clock()
        self.looked_at = time.monotonic()
        if self._fast is not None:
            self._fast.at = core.wall()
        self._pool.sweep(now)
        if ticks % 4 == 0:
            self._client.sweep(now)
            self._hop.sweep(now)
            core.tunnels.sweep(now)
        self._gauge()

    def _beat(self, delay: float) -> None:
        """Some twenty times a second: how late the loop is, who waits to be taken, and the log."""
        core = self._core
        core.shedder.look(time.monotonic(), delay)
        self.counters.loop_delay.observe(delay)
        self._client.take_waiting()
        self._hop.take_waiting()
        if not self._writing_log:
            self._write_log()

    def _write_log(self) -> None:
        """Part by part, in turn with whatever else there is to do."""
        self._writing_log = False
        access_log = self._core.access_log
        if access_log is not None and access_log.flush_part():
            self._writing_log = True
            asyncio.get_running_loop().call_soon(self._write_log)

    def _gauge(self) -> None:
        core, counters = self._core, self.counters
        gauges, values = counters.gauges, counters.values
        gauges["shield_client_connections"] = self._client.connections + self._hop.connections
        self._client.tell(counters)
        gauges["shield_requests_running"] = core.running
        gauges["shield_filling_bytes"] = core.filling
        gauges["shield_shed_share"] = core.shedder.pressure.share
        values["shield_requests_shed_total"] = core.shedder.refused
        gauges["shield_tunnels"] = len(core.tunnels)
        gauges["shield_upstream_connections"] = self._pool.open
        gauges["shield_upstream_connections_idle"] = self._pool.idle
        gauges["shield_upstream_waiting"] = self._pool.waiting
        gauges["shield_origin_breakers_open"] = self._fetcher.origins.open
        gauges["shield_pod_breakers_open"] = self._pods.open
        gauges["shield_memory_bytes"] = core.memory.bytes
        gauges["shield_memory_entries"] = len(core.memory)
        gauges["shield_redis_breaker_open"] = float(self._level2 is not None and self._level2.bypassed)
        values["shield_upstream_connections_opened_total"] = self._pool.opened
        values["shield_upstream_connections_reused_total"] = self._pool.reused
        values["shield_upstream_waits_total"] = self._pool.waited
        values["shield_memory_evictions_total"] = core.memory.evicted
        values["shield_client_connections_refused_total"] = self._client.refused + self._hop.refused
        if core.access_log is not None:
            values["shield_access_log_dropped_total"] = core.access_log.dropped
