"""A request that offers another protocol: asked for along the tiers on connections of its own, then tunnelled."""

from dataclasses import replace

from shield_proxy.tiers.answering.core import Core
from shield_proxy.tiers.answering.passing import Context, as_is, relay
from shield_proxy.tiers.fetching.asks import Reply
from shield_proxy.tiers.messages.errors import origin_error, tier_error
from shield_proxy.tiers.messages.marks import end_to_end, marked_lines
from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.flow.tunnel import Leg, Tunnel
from shield_proxy.wire.http.upgrade import accepted
from shield_proxy.wire.upstream.failures import UpstreamFailed

WORD, HOW = "DYNAMIC", b"fwd=bypass; detail=upgrade"


async def ask_upgrade(core: Core, context: Context, offer: bytes) -> Tunnel | None:
    """A tunnel that can begin, where the origin changes protocols; any other answer of it is relayed (None).

    Unanswerable; ClientGone.
    """
    core.tunnels.take_place()
    tunnel: Tunnel | None = None
    try:
        tunnel = await _ask(core, context, offer)
    finally:
        if tunnel is None:
            core.tunnels.give_place()
    return tunnel


async def _ask(core: Core, context: Context, offer: bytes) -> Tunnel | None:
    reply = await core.fetcher.fetch(replace(as_is(context), upgrade=offer), None)
    if reply.head.status != 101:
        await relay(core, context, reply, WORD, HOW)
        return None
    try:
        far = _far_leg(reply, offer)
    except UpstreamFailed as failure:
        core.counters.add_kind("shield_upstream_errors_total", failure.kind)
        raise (tier_error if reply.trusted else origin_error)(failure) from failure
    try:
        near = context.exchange.switch(_lines(core, reply))
    except ClientGone:
        far.transport.abort()
        raise
    return Tunnel(near, far, core.clock)


def _far_leg(reply: Reply, offer: bytes) -> Leg:
    leg = reply.leave_http()
    if accepted(reply.head, offer) is None:
        leg.transport.abort()
        raise UpstreamFailed("malformed", "a 101 that was not offered")
    return leg


def _lines(core: Core, reply: Reply) -> bytes:
    head = reply.head
    before = head.index.get(b"cache-status") if reply.trusted else None
    fields = (*end_to_end(head), (b"Connection", b"Upgrade"), (b"Upgrade", head.index[b"upgrade"]))
    return marked_lines(101, head.reason, fields, core.place, WORD, HOW, before=before)


async def run_tunnel(core: Core, context: Context, tunnel: Tunnel) -> None:
    """Lets the tunnel run to its end; then counts and logs it as the request's answer: 101, bytes to the client."""
    exchange = context.exchange
    try:
        await core.tunnels.run(tunnel)
    finally:
        exchange.sent, exchange.ended = tunnel.to_near, True
        core.account(exchange, context.routed, WORD, "" if tunnel.how == "closed" else f"tunnel-{tunnel.how}")
