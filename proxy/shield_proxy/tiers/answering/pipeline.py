"""What a port asks of the tiers: from a request's head to its answer. Decisions are made elsewhere."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace

from shield_proxy.cache.conditional import STATE_CONDITIONS
from shield_proxy.cache.directives import request_directives
from shield_proxy.cache.key import cache_key, may_be_cached, target_key
from shield_proxy.cache.reuse import Hit, choose, usable_on_error
from shield_proxy.config.identity import PodIdentity
from shield_proxy.store.memory import Entry
from shield_proxy.tiers.answering.core import Core, new_request_id
from shield_proxy.tiers.answering.direct import Straight
from shield_proxy.tiers.answering.filling import Filling
from shield_proxy.tiers.answering.passing import Context, pass_through
from shield_proxy.tiers.answering.replay import covers, replay_now, send_large
from shield_proxy.tiers.answering.source import Wanted
from shield_proxy.tiers.answering.tunnelling import ask_upgrade, run_tunnel
from shield_proxy.tiers.messages.errorpage import error_answer
from shield_proxy.tiers.messages.errors import DELAYED, OVERLOADED, Unanswerable
from shield_proxy.tiers.messages.inbound import Clients, Inbound, forwards_left, from_pod, request_id_of, sent_on
from shield_proxy.tiers.messages.loop import loops
from shield_proxy.tiers.routing.snapshot import Routed, route, speaks_for
from shield_proxy.wire.fast import FastPath
from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.flow.tunnel import Tunnel
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.upgrade import offered
from shield_proxy.wire.serving.exchange import Exchange

LATE = 1.0
"""Seconds that a refusal waits at most."""
SMALL = 32
"""Requests at a time below which it is not their number that makes the event loop late."""
UNSAFE = frozenset((b"POST", b"PUT", b"PATCH", b"DELETE"))
Later = Coroutine[None, None, None] | None


class Pipeline:
    """The service of one listening port (see wire.server.Service)."""

    def __init__(self, core: Core, *, hop: bool) -> None:
        self._core = core
        self._hop = hop
        self._filling = Filling(core)
        self._clients = Clients()
        self._straight = Straight(core, self._filling, self._answer_later)
        log = core.access_log.add if core.access_log is not None else None
        self.fast = None if hop else FastPath(core.memory.aliases, core.settings.server.head, log)
        """See Service."""

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        """An error of the shield's own, for what is not a request."""
        self._core.account_refused(status, reason, peer, request_id)
        return error_answer(status, reason, self._core.place, request_id=request_id)

    def answer(self, exchange: Exchange) -> Later:
        """Replies from memory, or with an error; or gives what will reply."""
        core, head = self._core, exchange.head
        exchange.request_id = request_id_of(head.index, new_request_id, from_hop=self._hop)
        if core.tracer is not None:
            exchange.trace = core.tracer.begin(head.index, exchange.request_id)
        snapshot = core.snapshot
        if snapshot is None:
            self._refuse(exchange, None, 503, "not-ready")
            return None
        left = None if self._hop else forwards_left(head)  # all tiers together are one recipient
        if head.target == b"*" or left == 0:
            exchange.reply(200, b"HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n", b"")
            return None
        routed = route(snapshot, head.authority, head.path)
        if routed is None:
            self._refuse(exchange, None, 404, "unknown-host")
            return None
        if not exchange.body_within(routed.zone.max_request_bytes):
            exchange.close_after = True
            self._refuse(exchange, routed, 413, "request-too-large")
            return None
        if not speaks_for(snapshot, exchange.arrival, routed.zone):
            self._refuse(exchange, routed, 421, "misdirected")
            return None
        inbound = self._inbound(exchange, routed)
        if exchange.trace is not None:
            inbound = replace(inbound, trace=exchange.trace)
        if left is not None:
            inbound = sent_on(inbound, left)
        if loops(inbound.cdn_loop, routed.zone.uid, from_hop=self._hop):
            self._refuse(exchange, routed, 508, "loop")
            return None
        key = cache_key(routed.zone.uid, inbound.scheme, head.authority, head.target, inbound.index)
        context = Context(exchange, inbound, routed, snapshot, key)
        if b"upgrade" in head.index and (offer := offered(head)):
            return self._bounded(context, ask_upgrade(core, context, offer))
        if not may_be_cached(head) or exchange.body is not None or not STATE_CONDITIONS.isdisjoint(inbound.index):
            return self._bounded(context, self._forward(context))
        directives = request_directives(inbound.index.get(b"cache-control"), inbound.index.get(b"pragma"))
        entry = core.memory.find(key, inbound.index)
        reuse = choose(entry.stored if entry is not None else None, directives, exchange.started)
        if entry is not None and isinstance(reuse, Hit) and covers(entry, inbound.index, core.wall()):
            return self._replay(context, entry)
        wanted = Wanted(context, directives, entry)
        crowding = self._crowding(exchange)
        if not crowding and self._straight.answers(wanted):
            return None
        return self._bounded(context, self._filling.answer(wanted), entry, crowding)

    def _inbound(self, exchange: Exchange, routed: Routed) -> Inbound:
        longest = self._core.settings.upstream.connect + routed.origin.response_seconds
        if not self._hop:
            return self._clients.inbound(
                exchange.head, exchange.arrival, exchange.started, longest, exchange.request_id
            )
        identity = exchange.identity
        same = isinstance(identity, PodIdentity) and identity.tier == str(self._core.settings.tier)
        return from_pod(exchange.head, exchange.started, longest, same_tier=same, request_id=exchange.request_id)

    def _replay(self, context: Context, entry: Entry) -> Later:
        core, exchange = self._core, context.exchange
        if exchange.head.method == b"GET" and not self._hop:
            core.alias(context.inbound, entry, exchange.arrival)
        index, wall = context.inbound.index, core.wall()
        if replay_now(exchange, index, entry, core.place, exchange.started, wall, "HIT", b"hit"):
            core.account(exchange, context.routed, "HIT", "")
            return None
        return self._replay_large(context, entry)

    async def _replay_large(self, context: Context, entry: Entry) -> None:
        core, exchange = self._core, context.exchange
        try:
            await send_large(exchange, entry, core.place, core.clock(), "HIT", b"hit")
        finally:
            core.account(exchange, context.routed, "HIT", "")

    def _crowding(self, exchange: Exchange) -> str:
        """Why there is too much to do for one more request; empty where there is not."""
        core = self._core
        uploads = exchange.body is not None and core.uploads >= core.settings.running // 2
        if uploads or core.running >= core.settings.running:
            return OVERLOADED
        return DELAYED if core.running >= SMALL and core.shedder.refuses() else ""

    def _bounded(
        self,
        context: Context,
        later: Coroutine[None, None, Tunnel | None],
        stale: Entry | None = None,
        crowding: str | None = None,
    ) -> Later:
        """What will reply, unless there is too much to do; then a stale response where it may answer, or an error."""
        core, exchange = self._core, context.exchange
        reason = self._crowding(exchange) if crowding is None else crowding
        if not reason:
            return self._answer_later(context, later)
        later.close()
        index, now, wall = context.inbound.index, exchange.started, core.wall()
        if stale is not None and usable_on_error(stale.stored, now) and covers(stale, index, wall):
            how = b"hit; fwd=stale; detail=%s" % reason.encode()
            if replay_now(exchange, index, stale, core.place, now, wall, "STALE", how):
                core.account(exchange, context.routed, "STALE", reason)
                return None
        if reason == DELAYED and not self._hop and core.refusing < core.settings.running:
            return self._refuse_late(context, reason)
        self._refuse(exchange, context.routed, 503, reason)
        return None

    async def _refuse_late(self, context: Context, reason: str) -> None:
        """Refuses, but not at once: clients that come back whatever they are told would otherwise keep the process busy
        with refusing. Another pod is told at once, for it asks elsewhere."""
        core = self._core
        core.refusing += 1
        try:
            await asyncio.sleep(core.shedder.pressure.share * LATE)
            self._refuse(context.exchange, context.routed, 503, reason)
        finally:
            core.refusing -= 1

    async def _answer_later(self, context: Context, later: Coroutine[None, None, Tunnel | None]) -> None:
        core, exchange = self._core, context.exchange
        core.running += 1
        core.uploads += exchange.body is not None
        tunnel: Tunnel | None = None
        try:
            tunnel = await later
        except Unanswerable as error:
            self._refuse(exchange, context.routed, error.status, error.reason)
        except Refused as refused:  # of the request's body
            exchange.close_after = True
            self._refuse(exchange, context.routed, refused.status, refused.reason)
        finally:
            core.running -= 1
            core.uploads -= exchange.body is not None
        if tunnel is not None:
            await run_tunnel(core, context, tunnel)

    async def _forward(self, context: Context) -> None:
        """A request that no stored response can answer; an unsafe one invalidates what is stored of its target."""
        core, head = self._core, context.exchange.head
        try:
            await pass_through(core, context, "DYNAMIC", b"fwd=method" if head.method in UNSAFE else b"fwd=bypass")
        finally:
            # Also when no answer was seen: nobody knows then what the request has done.
            if head.method not in (b"GET", b"HEAD", b"OPTIONS") and context.exchange.status < 400:
                plain = target_key(context.routed.zone.uid, context.inbound.scheme, head.authority, head.target)
                core.forget(plain)
                if context.key != plain:  # a page that posts also gets, with the same Origin
                    core.forget(context.key)

    def _refuse(self, exchange: Exchange, routed: Routed | None, status: int, reason: str) -> None:
        """Answers with an error of the shield's own; a response that has begun is cut instead."""
        core = self._core
        if exchange.status:
            exchange.abort()
        else:
            accept = exchange.head.index.get(b"accept", b"")
            lines, body = error_answer(status, reason, core.place, accept=accept, request_id=exchange.request_id)
            try:
                exchange.reply(status, lines, body)
            except ClientGone:
                exchange.abort()
        core.account(exchange, routed, "NONE", reason)
