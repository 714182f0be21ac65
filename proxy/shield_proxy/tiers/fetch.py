"""Fetching a response: from the key's owner, the next tier or the origin, each tried as far as that is safe."""

import asyncio
import contextlib
from collections.abc import Callable

from shield_proxy.config.contract import Tier
from shield_proxy.config.identity import Identity, PodIdentity
from shield_proxy.tiers.asks import Ask, Reply, own_fields
from shield_proxy.tiers.counters import Counters
from shield_proxy.tiers.errors import Unanswerable, origin_error, refused_by_pod, tier_error
from shield_proxy.tiers.health import PassiveHealth
from shield_proxy.tiers.marks import hop_fields, outgoing_fields
from shield_proxy.tiers.members import Members
from shield_proxy.tiers.nexthop import AskOrigin, AskTier, Nobody
from shield_proxy.tiers.origins import OriginContexts, origin_endpoint
from shield_proxy.tiers.ring import Address
from shield_proxy.tiers.settings import DataplaneSettings
from shield_proxy.tiers.snapshot import Snapshot
from shield_proxy.tiers.ways import Way, Ways
from shield_proxy.wire.asking import Asking
from shield_proxy.wire.failures import UpstreamFailed
from shield_proxy.wire.message import Fields, Length
from shield_proxy.wire.pool import Connecting, Endpoint, Pool, TlsIdentity
from shield_proxy.wire.serialise import request_bytes
from shield_proxy.wire.tls import HopTls
from shield_proxy.wire.upstream import UpstreamConnection

CONNECT_FLOOR = 0.25
"""Seconds a connection between pods may take at least, in the network."""
HANDSHAKE = 0.75
"""Seconds on top for the computing of both ends."""
CONNECT_UNKNOWN = 1.5
"""Seconds for a pod never reached before: its distance is not known."""
SURELY_OPEN = 2.0
"""Seconds after its last use in which a peer does not close a connection."""
PODS_PER_DATA_CENTER = 2
"""Pods of one data centre that one request tries."""


class Fetcher:
    """All asking of one process."""

    def __init__(
        self,
        settings: DataplaneSettings,
        tls: HopTls | None,
        pool: Pool,
        members: Members,
        health: PassiveHealth,
        clock: Callable[[], float],
        counters: Counters,
    ) -> None:
        self._settings, self._tls = settings, tls
        self._place = settings.place
        self._pool, self._members, self._health = pool, members, health
        self._clock, self._counters = clock, counters
        self._contexts = OriginContexts()
        self._ways = Ways(settings.tier, settings.data_center)
        self._connect_times: dict[Address, float] = {}
        self.own: Address | None = None
        """This pod in the ring; None while it has no hop port."""

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
        first = self._members.in_order(key, members, now)[0]
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
        if way.endpoint is None:
            return None
        connection = self._pool.take_idle(way.endpoint)
        if connection is None:
            return None
        self._counters.add_kind("shield_fetches_total", "origin")
        deadline = min(ask.inbound.deadline, self._clock() + self._pool.limits.response)
        request = request_bytes(ask.method, ask.inbound.head.target, self._origin_fields(ask, way))
        connection.send(asking, request, ask.method, deadline)
        return connection

    def _origin_fields(self, ask: Ask, way: Way) -> Fields:
        host = way.host if way.host is not None else ask.inbound.head.authority
        return outgoing_fields(ask.inbound, ask.fields, self._place, ask.routed.zone.uid, host)

    async def _ask_origin(self, ask: Ask, way: Way) -> Reply:
        origin = ask.routed.origin
        now = self._clock()
        limits = self._pool.limits
        seconds = max(0.05, min(limits.connect, ask.inbound.deadline - now))
        try:
            how = Connecting(seconds, context=self._contexts.context(origin.tls))
            deadline = min(ask.inbound.deadline, now + limits.response)
            endpoint = way.endpoint if way.endpoint is not None else origin_endpoint(origin)
            return await self._exchange(ask, endpoint, how, self._origin_fields(ask, way), deadline, "origin")
        except UpstreamFailed as failure:
            self._counters.add_kind("shield_upstream_errors_total", failure.kind)
            raise origin_error(failure) from failure

    async def _ask_tier(self, ask: Ask, hop: AskTier) -> Reply:
        failure: UpstreamFailed | None = None
        for _, service in hop.services:
            pods = self._members.in_order(ask.key, await self._members.addresses(service), self._clock())
            for pod in pods[:PODS_PER_DATA_CENTER]:
                if failure is not None and self._clock() >= ask.inbound.deadline:
                    raise tier_error(failure)
                try:
                    reply = await self._ask_pod(ask, pod, hop.tier, forward=False)
                except UpstreamFailed as error:
                    failure = error
                    # Whoever was reached has done its own retrying; what can't be repeated isn't.
                    if error.kind == "response-timeout" or (error.connected and not ask.repeatable):
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

    async def _ask_pod(self, ask: Ask, pod: Address, tier: Tier, *, forward: bool) -> Reply:
        if self._tls is None:
            raise UpstreamFailed("tls", "this process has no certificate for hops")
        now = self._clock()
        inbound = ask.inbound
        fields = outgoing_fields(inbound, ask.fields, self._place, ask.routed.zone.uid, inbound.head.authority)
        fields += hop_fields(inbound, now, ask.snapshot.state.generation, forward=forward)
        known = self._connect_times.get(pod)
        seconds = CONNECT_UNKNOWN if known is None else max(CONNECT_FLOOR, 2 * known) + HANDSHAKE
        how = Connecting(
            max(0.05, min(seconds, inbound.deadline - now)),
            context=self._tls.client,
            accepts=lambda identity: self._is(identity, tier),
        )
        self._health.probe(pod, now)
        endpoint = Endpoint(pod[0], pod[1], TlsIdentity(None, tier=str(tier)))
        try:
            reply = await self._exchange(
                ask, endpoint, how, fields, inbound.deadline, "owner" if forward else "tier", pod
            )
        except UpstreamFailed as failure:
            self._counters.add_kind("shield_upstream_errors_total", failure.kind)
            if failure.kind not in ("exhausted", "response-timeout"):
                self._health.failed(pod, self._clock())
            raise
        self._health.answered(pod)
        return reply

    def _is(self, identity: Identity | None, tier: Tier) -> bool:
        settings = self._settings
        return identity == PodIdentity(settings.namespace, settings.fleet, str(tier))

    async def _exchange(
        self,
        ask: Ask,
        endpoint: Endpoint,
        how: Connecting,
        fields: Fields,
        deadline: float,
        to: str,
        pod: Address | None = None,
    ) -> Reply:
        """One request on an idle connection, or on a new one where there is none or it was stale."""
        self._counters.add_kind("shield_fetches_total", to)
        started = self._clock()
        request = request_bytes(ask.method, ask.inbound.head.target, (*fields, *own_fields(ask)))
        # A peer that is just closing an idle connection would make a request fail that can't be repeated.
        since = float("-inf") if ask.repeatable else started - SURELY_OPEN
        connection = None if ask.upgrade else self._pool.take_idle(endpoint, since)
        if connection is not None:
            try:
                return await self._send(connection, ask, request, deadline, to, started)
            except UpstreamFailed as failure:
                if failure.kind != "closed" or not ask.repeatable:
                    raise
        before = self._clock()
        connection = await self._pool.connect(endpoint, how)
        if pod is not None:
            self._learn(pod, self._clock() - before)
        return await self._send(connection, ask, request, deadline, to, started)

    def _learn(self, pod: Address, seconds: float) -> None:
        if len(self._connect_times) > 10_000:
            self._connect_times.clear()
        known = self._connect_times.get(pod, seconds)
        self._connect_times[pod] = known + (seconds - known) / 4

    async def _send(
        self, connection: UpstreamConnection, ask: Ask, request: bytes, deadline: float, to: str, started: float
    ) -> Reply:
        if ask.body is None:
            head, body = await connection.ask(request, ask.method, deadline, ask.interim, upgrade=bool(ask.upgrade))
            return Reply(head, body, to, self._clock() - started, connection)
        chunked = not isinstance(ask.inbound.head.framing, Length)
        sending = asyncio.get_running_loop().create_task(connection.send_body(ask.body, chunked=chunked))
        try:
            head, body = await connection.ask(request, ask.method, deadline, ask.interim, whole=False)
        except BaseException:
            if sending.done() and not sending.cancelled() and (broken := sending.exception()) is not None:
                raise broken from None  # the client's side broke first
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            raise
        sending.add_done_callback(_observed)
        return Reply(head, body, to, self._clock() - started, connection, sending)


def _observed(sending: asyncio.Task[None]) -> None:
    """A body that broke after the response began has cut the connection: the response tells."""
    if not sending.cancelled():
        sending.exception()
