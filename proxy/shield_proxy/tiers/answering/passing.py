"""Responses that belong to one request alone: passed on as they come."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from shield_proxy.cache.freshness import initial_age
from shield_proxy.config.contract import HEADER_STATUS
from shield_proxy.tiers.answering.core import Core
from shield_proxy.tiers.fetching.asks import Ask, Reply
from shield_proxy.tiers.messages.inbound import Inbound
from shield_proxy.tiers.messages.marks import end_to_end, marked_lines
from shield_proxy.tiers.routing.snapshot import Routed, Snapshot
from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.http.framing import declared_length
from shield_proxy.wire.http.message import Chunked, Length, ResponseHead, list_members
from shield_proxy.wire.http.serialise import field_lines, response_lines
from shield_proxy.wire.http.trailers import announced, passable
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.upstream.failures import UpstreamFailed

STATUS = HEADER_STATUS.lower().encode()
CONSENT_SECONDS = 1.0
"""After so long without a word of the origin a client that sent Expect is asked for the body."""

GATHERED = 64 << 10
"""Bytes of a client's body that are here before anybody is asked, unless it is shorter, in a crowd."""
CROWD = 64
"""Requests that wait at one time in this process; fewer than these each go on at once and may be answered early."""


@dataclass(slots=True)
class Context:
    """A request on its way: what was found out about it, and the snapshot it ends on. Not frozen: that costs each
    request more than the rest of making one."""

    exchange: Exchange
    inbound: Inbound
    routed: Routed
    snapshot: Snapshot
    key: bytes


def passes_interim(exchange: Exchange) -> Callable[[ResponseHead], None]:
    """What tells the client of 1xx responses, such as 103 Early Hints, before its answer (RFC 9110, 15.2)."""

    def interim(head: ResponseHead) -> None:
        with contextlib.suppress(ClientGone):  # the exchange notices by itself
            if head.status == 100:
                exchange.consent()
            else:
                exchange.interim(response_lines(head.status, head.reason, end_to_end(head)))

    return interim


def as_is(context: Context) -> Ask:
    """The request as the client made it, body and conditions included."""
    exchange, inbound = context.exchange, context.inbound
    fields = inbound.fields
    if b"expect" in inbound.index and not exchange.awaits_consent:
        fields = tuple(field for field in fields if field[0].lower() != b"expect")
    if isinstance(inbound.head.framing, Chunked):
        fields += announced(inbound.head.index)
    return Ask(
        inbound,
        context.routed,
        context.snapshot,
        context.key,
        inbound.head.method,
        field_lines(fields),
        exchange.body,
        passes_interim(exchange),
        trailers=b"trailers" in list_members(inbound.head.index.get(b"te")),
    )


async def pass_through(core: Core, context: Context, word: str, how: bytes) -> None:
    """Asks the next tier or the origin and passes on what it says. Unanswerable; ClientGone."""
    exchange = context.exchange
    if not exchange.awaits_consent:
        context = await _gathered(core, context)
        reply = await core.fetcher.fetch(as_is(context), None)
    else:
        # Origins that know nothing of Expect are silent: then the body is as good as asked for.
        timer = asyncio.get_running_loop().call_later(CONSENT_SECONDS, _consent, exchange)
        try:
            reply = await core.fetcher.fetch(as_is(context), None)
        finally:
            timer.cancel()
    core.counters.first_byte(reply.to, reply.delay)
    await relay(core, context, reply, word, how)


async def _gathered(core: Core, context: Context) -> Context:
    """Slow clients wait here with the beginning of their bodies, not at the connections to an origin, which are few."""
    body, framing = context.exchange.body, context.inbound.head.framing
    alone = core.running <= CROWD or context.inbound.from_hop
    if body is None or alone or not isinstance(framing, Length):
        return context  # who sends chunks may wait for an answer before the next
    began = core.clock()
    await body.gathered(min(framing.size, GATHERED))
    later = context.inbound.deadline + core.clock() - began  # what the client took is not the upstream's fault
    return replace(context, inbound=replace(context.inbound, deadline=later))


def _consent(exchange: Exchange) -> None:
    with contextlib.suppress(ClientGone):
        exchange.consent()


async def relay(core: Core, context: Context, reply: Reply, word: str, how: bytes) -> None:
    """Passes on a response; where it is cut short the client's connection is cut too. ClientGone."""
    exchange, head = context.exchange, reply.head
    age = None
    if b"age" in head.index:
        age = initial_age(head.index, core.wall(), reply.delay, trusted=reply.trusted)
    if reply.trusted and head.index.get(STATUS) == b"NONE":
        word = "NONE"
    before = head.index.get(b"cache-status") if reply.trusted else None
    fields = end_to_end(head)
    length = declared_length(head)
    if isinstance(head.framing, Chunked) and exchange.head.minor == 1:
        fields += announced(head.index)
    lines = marked_lines(head.status, head.reason, fields, core.place, word, how, before=before, age=age)
    try:
        exchange.begin(head.status, lines, length)
        if exchange.wants_body:
            while piece := await reply.body.read():
                core.counters.add_kind("shield_upstream_bytes_total", reply.to, len(piece))
                await exchange.write(piece)
        exchange.end(passable(reply.body.trailers))
    except UpstreamFailed as failure:
        core.counters.add_kind("shield_upstream_errors_total", failure.kind)
        exchange.abort()
    except ClientGone:
        exchange.abort()
        raise
    finally:
        reply.give_up()
        core.account(exchange, context.routed, word, "")
