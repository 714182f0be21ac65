"""Fetching a response: from the key's owner, the next tier or the origin, each tried as far as that is safe."""

import random
from collections.abc import Callable
from itertools import product

from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import Identity, PodIdentity
from shield_proxy.tiers.fetching.asks import Ask, Reply
from shield_proxy.tiers.fetching.health import OF_ORIGINS, Breakers, announcing
from shield_proxy.tiers.fetching.members import Members
from shield_proxy.tiers.fetching.origins import OriginContexts, origin_endpoint
from shield_proxy.tiers.fetching.sending import Sender
from shield_proxy.tiers.fetching.ways import Way, Ways
from shield_proxy.tiers.messages.budget import connect_seconds
from shield_proxy.tiers.messages.errors import Unanswerable, origin_error, refused_by_pod, tier_error
from shield_proxy.tiers.messages.marks import hop_fields, outgoing_lines
from shield_proxy.tiers.routing.nexthop import AskOrigin, AskTier, Nobody
from shield_proxy.tiers.routing.ring import Address, ring_order
from shield_proxy.tiers.routing.snapshot import Snapshot
from shield_proxy.tiers.settings import DataplaneSettings
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.tiers.telemetry.tracing import Tracer
from shield_proxy.wire.http.serialise import field_lines, request_bytes
from shield_proxy.wire.tls.hops import HopTls
from shield_proxy.wire.upstream.asking import Asking
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint, TlsIdentity
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.pool import Pool

LAST_RESORTS = 2
"""Pods that one request tries when those that may be asked have failed it."""
PODS_PER_DATA_CENTER = 2
"""Pods of one data centre that one request tries."""
BROKEN = frozenset(
    (
        "refused",
        "unreachable",
        "connect-timeout",
        "tls",
        "tls-protocol",
        "tls-timeout",
        "closed",
        "response-timeout",
        "send-timeout",
    )
)
"""How an origin fails that had better be left alone for a while. Other failures are of a request, a certificate or a
name: they are told, and say nothing of requests to come."""
NOT_OF_POD = frozenset(("exhausted", "response-timeout", "send-timeout"))
"""Failures on the way beyond a pod, or before it."""


class Fetcher:
    """All asking of one process."""

    def __init__(
        self,
        settings: DataplaneSettings,
        tls: HopTls | None,
        pool: Pool,
        members: Members,
        health: Breakers,
        clock: Callable[[], float],
        counters: Counters,
    ) -> None:
        self._settings, self._tls = settings, tls
        self._place = settings.place
        self._pool, self._members, self._health = pool, members, health
        self._clock, self._counters = clock, counters
        self._sender = Sender(pool, clock, counters)
        self.origins = Breakers(OF_ORIGINS, random.random, announcing(counters, "origin", clock))
        self._contexts = OriginContexts(settings.origin_tls_dir, clock, self._renewed)
        self._ways = Ways(settings.tier, settings.data_center)
        self._round_trips: dict[Address, float] = {}
        self.own: Address | None = None
        """This pod in the ring; None while it has no hop port."""

    def trace(self, tracer: Tracer) -> None:
        """From now on each asking is a span, where its request is traced."""
        self._sender.tracer = tracer

    def owner(self, key: bytes, snapshot: Snapshot) -> Address | None:
        """The pod of this tier and data centre that owns the key, if it is another one."""
        if self.own is None or self._tls is None:
            return None
        dc = snapshot.data_centers.get(self._settings.data_center)
        service = dc.services.get(self._settings.tier) if dc is not None else None
        if service is None:
            return None
        now = self._clock()
        members = {a for a in self._members.known(service) if self._health.usable(a, now)} | {self.own}
        first = ring_order(key, members)[0]
        return None if first == self.own else first

    async def fetch(self, ask: Ask, owner: Address | None) -> Reply:
        """A response to the ask, from the owner if it can be reached. Unanswerable says why not."""
        if owner is not None:
            try:
                reply = await self._ask_pod(ask, owner, self._settings.tier, forward=True)
            except UpstreamFailed as failure:
                if failure.connected and not ask.repeatable:
                    raise tier_error(failure) from failure
            else:
                if not refused_by_pod(reply.head.status, reply.head.index.get(b"cache-status")):
                    return reply
                reply.give_up()
        way = self._ways.of(ask.snapshot, ask.routed)
        match way.hop:
            case AskOrigin():
                return await self._ask_origin(ask, way)
            case AskTier() as hop:
                return await self._ask_tier(ask, hop)
            case Nobody(reason):
                raise Unanswerable(503, reason)

    def send_now(self, ask: Ask, asking: Asking) -> UpstreamConnection | None:
        """Sends a repeatable ask on an idle connection to its origin; None, and nothing was done, where there is none
        or another tier is to be asked."""
        way = self._ways.of(ask.snapshot, ask.routed)
        if way.endpoint is None or ask.inbound.trace is not None:
            return None
        if self.origins.suspects(way.endpoint.host, way.endpoint.port):
            return None
        connection = self._pool.take_idle(way.endpoint)
        if connection is None:
            return None
        self._counters.add_kind("shield_fetches_total", "origin")
        deadline = min(ask.inbound.deadline, self._clock() + ask.routed.origin.response_seconds)
        request = request_bytes(ask.method, ask.inbound.head.target, self._origin_lines(ask, way))
        connection.send(asking, request, ask.method, deadline, ask.interim)
        return connection

    def failed_now(self, ask: Ask, failure: UpstreamFailed, started: float) -> None:
        """What send_now() sent at `started` has failed for good: takes notice of it."""
        way, origin = self._ways.of(ask.snapshot, ask.routed), ask.routed.origin
        self._counters.add_kind("shield_upstream_errors_total", failure.kind)
        own = ask.inbound.deadline < started + origin.response_seconds  # its time was over before the origin's
        if way.endpoint is not None and not (failure.kind == "response-timeout" and own):
            self._judge((origin.host, origin.port), way.endpoint, failure.kind)

    def _origin_lines(self, ask: Ask, way: Way) -> bytes:
        host = way.host if way.host is not None else ask.inbound.head.authority
        return outgoing_lines(ask.inbound, ask.lines, self._place, ask.routed.zone.uid, host)

    async def _ask_origin(self, ask: Ask, way: Way) -> Reply:
        origin, now = ask.routed.origin, self._clock()
        address = (origin.host, origin.port)
        if not self.origins.usable(address, now):
            self._counters.add("shield_breaker_refusals_total")
            raise origin_error(UpstreamFailed(self.origins.cause(address)), breaker=True)
        self.origins.claim(address, now)
        endpoint = way.endpoint if way.endpoint is not None else origin_endpoint(origin)
        budget = ask.inbound.deadline

        def connecting(fresh: bool) -> Connecting:
            seconds = max(0.05, min(self._pool.limits.connect, budget - self._clock()))
            context = self._contexts.context(origin.tls)
            return Connecting(seconds, context=context, most=max(1, origin.max_connections), fresh=fresh)

        deadline, patience = min(budget, now + origin.response_seconds), origin.response_seconds
        try:
            lines = self._origin_lines(ask, way)
            reply = await self._sender.exchange(ask, endpoint, lines, "origin", deadline, patience, connecting)
        except UpstreamFailed as failure:
            self._counters.add_kind("shield_upstream_errors_total", failure.kind)
            if failure.kind != "response-timeout" or budget >= now + origin.response_seconds:
                self._judge(address, endpoint, failure.kind)
            raise origin_error(failure) from failure
        self.origins.answered(address, now)
        return reply

    def _judge(self, address: Address, endpoint: Endpoint, kind: str) -> None:
        now = self._clock()
        if kind in BROKEN:
            if self.origins.failed(address, now, kind):
                self._pool.fail_waiting(endpoint, kind)
        elif kind not in ("unresolved", "exhausted", "tls-client"):
            self.origins.answered(address, now)  # somebody is there

    def _renewed(self, secret: str) -> None:
        self._pool.retire(lambda endpoint, _: endpoint.shows(secret))

    async def _ask_tier(self, ask: Ask, hop: AskTier) -> Reply:
        failure: UpstreamFailed | None = None
        tried: set[Address] = set()
        last = LAST_RESORTS
        # Those that failed lately are asked only where all others fail: better tried than refused, but not for long.
        # Meanwhile others may have found out that they answer again, so whoever was not tried is asked then.
        for failing, (_, service) in product((False, True), hop.services):
            addresses = await self._members.addresses(service)
            untried = (address for address in addresses if address not in tried)
            pods = self._members.in_order(ask.key, untried, self._clock(), failing=failing)
            for pod in pods[:PODS_PER_DATA_CENTER]:
                if failure is not None and (self._clock() >= ask.inbound.deadline or (failing and not last)):
                    raise tier_error(failure)
                tried.add(pod)
                last -= failing
                try:
                    reply = await self._ask_pod(ask, pod, hop.tier, forward=False)
                except UpstreamFailed as error:
                    failure = UpstreamFailed(error.kind, error.detail)  # the one that was raised leads back here
                    if error.connected and not self._may_ask_another(ask, pod, hop.tier, error):
                        raise tier_error(error) from error
                    continue
                if refused_by_pod(reply.head.status, reply.head.index.get(b"cache-status")):
                    failure = UpstreamFailed("refused", "the pod takes no requests")
                    reply.give_up()
                    if not ask.repeatable:  # its body may be read already; a pod's 404 says nothing of the resource
                        raise tier_error(failure)
                    continue
                return reply
        raise tier_error(failure) if failure is not None else Unanswerable(503, "no-upper-tier")

    def _may_ask_another(self, ask: Ask, pod: Address, tier: Tier, error: UpstreamFailed) -> bool:
        """Whoever was reached has done its own retrying; what can't be repeated isn't; and not everything at once."""
        if error.kind in ("response-timeout", "send-timeout") or not ask.repeatable:
            return False
        return self._sender.may_ask_another(_hop(pod, tier))

    async def _ask_pod(self, ask: Ask, pod: Address, tier: Tier, *, forward: bool) -> Reply:
        if self._tls is None:
            raise UpstreamFailed("tls", "this process has no certificate for hops")
        tls, now, inbound = self._tls, self._clock(), ask.inbound
        lines = outgoing_lines(inbound, ask.lines, self._place, ask.routed.zone.uid, inbound.head.authority)
        lines += field_lines(hop_fields(inbound, now, ask.snapshot.state.generation, forward=forward))

        def connecting(fresh: bool) -> Connecting:
            network, whole = connect_seconds(self._round_trips.get(pod), inbound.deadline - self._clock())
            return Connecting(
                whole,
                network,
                tls.client,
                lambda identity: self._is(identity, tier),
                self._pool.limits.per_address,
                fresh,
                lambda seconds: self._learn(pod, seconds),
            )

        self._health.claim(pod, now)
        to = "owner" if forward else "tier"
        patience = ask.routed.origin.response_seconds + self._pool.limits.connect
        try:
            reply = await self._sender.exchange(ask, _hop(pod, tier), lines, to, inbound.deadline, patience, connecting)
        except UpstreamFailed as failure:
            self._counters.add_kind("shield_upstream_errors_total", failure.kind)
            if failure.kind not in NOT_OF_POD:
                self._health.failed(pod, self._clock(), failure.kind)
            raise
        self._health.answered(pod, now)
        return reply

    def _is(self, identity: Identity | None, tier: Tier) -> bool:
        settings = self._settings
        return identity == PodIdentity(settings.namespace, settings.fleet, str(tier))

    def _learn(self, pod: Address, seconds: float) -> None:
        if len(self._round_trips) > 10_000:
            self._round_trips.clear()
        known = self._round_trips.get(pod, seconds)
        self._round_trips[pod] = known + (seconds - known) / 4


def _hop(pod: Address, tier: Tier) -> Endpoint:
    return Endpoint(pod[0], pod[1], TlsIdentity(None, tier=str(tier)))
