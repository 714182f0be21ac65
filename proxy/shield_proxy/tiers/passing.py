"""Responses that belong to one request alone: passed on as they come."""

import contextlib
from dataclasses import dataclass

from shield_proxy.cache.freshness import initial_age
from shield_proxy.config.contract import HEADER_STATUS
from shield_proxy.tiers.asks import Ask, Reply
from shield_proxy.tiers.core import Core
from shield_proxy.tiers.inbound import Inbound
from shield_proxy.tiers.marks import end_to_end, marked_lines
from shield_proxy.tiers.snapshot import Routed, Snapshot
from shield_proxy.wire.exchange import ClientGone, Exchange
from shield_proxy.wire.failures import UpstreamFailed
from shield_proxy.wire.framing import declared_length
from shield_proxy.wire.message import ResponseHead
from shield_proxy.wire.serialise import forwardable, response_lines

STATUS = HEADER_STATUS.lower().encode()


@dataclass(frozen=True, slots=True)
class Context:
    """A request on its way: what was found out about it, and the snapshot it ends on."""

    exchange: Exchange
    inbound: Inbound
    routed: Routed
    snapshot: Snapshot
    key: bytes


def as_is(context: Context) -> Ask:
    """The request as the client made it, body and conditions included."""
    exchange, inbound = context.exchange, context.inbound

    def interim(head: ResponseHead) -> None:
        with contextlib.suppress(ClientGone):  # the exchange notices by itself
            exchange.interim(response_lines(head.status, head.reason, forwardable(head.fields, head.index)))

    return Ask(
        inbound,
        context.routed,
        context.snapshot,
        context.key,
        inbound.head.method,
        inbound.fields,
        exchange.body,
        interim,
    )


async def pass_through(core: Core, context: Context, word: str, how: bytes) -> None:
    """Asks the next tier or the origin and passes on what it says. Unanswerable; ClientGone."""
    reply = await core.fetcher.fetch(as_is(context), None)
    core.counters.first_byte(reply.to, reply.delay)
    await relay(core, context, reply, word, how)


async def relay(core: Core, context: Context, reply: Reply, word: str, how: bytes) -> None:
    """Passes on a response; where it is cut short the client's connection is cut too. ClientGone."""
    exchange, head = context.exchange, reply.head
    age = None
    if b"age" in head.index:
        age = initial_age(head.index, core.wall(), reply.delay, trusted=reply.trusted)
    if reply.trusted and head.index.get(STATUS) == b"NONE":
        word = "NONE"
    before = head.index.get(b"cache-status") if reply.trusted else None
    lines = marked_lines(head.status, head.reason, end_to_end(head), core.place, word, how, before=before, age=age)
    try:
        exchange.begin(head.status, lines, declared_length(head))
        if exchange.wants_body:
            while piece := await reply.body.read():
                core.counters.add_kind("shield_upstream_bytes_total", reply.to, len(piece))
                await exchange.write(piece)
        exchange.end()
    except UpstreamFailed as failure:
        core.counters.add_kind("shield_upstream_errors_total", failure.kind)
        exchange.abort()
    except ClientGone:
        exchange.abort()
        raise
    finally:
        reply.give_up()
        core.account(exchange, context.routed, word, "")
